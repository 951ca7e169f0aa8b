// Cuts a graph into slices for tensor parallelism: every slice computes a part of the same operators, and in between
// the slices exchange partial results.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// The operator, in `own_domain`, where slices exchange what each of them made of a value. Only `cut_tensor` makes it.
/// Attributes: "slice" and "slices", which of how many; "axis" and "extents", when the whole is the concatenation of
/// the partial results along that axis, each with its extent; without them it is their sum.
inline constexpr std::string_view exchange_op = "Exchange";

/// Cuts `model` into one slice for each of `shares`, sized in proportion to them as far as heads, channels and columns
/// allow. All slices take the inputs of the model, and the first gives its outputs.
///
/// * Products with constant matrices (Gemm, MatMul) are sliced by columns; where the operand is sliced already, and no
///   activation is in the way, by rows, so that the partial results are summed (Shoeybi et al., "Megatron-LM", 2019).
///   The first slice adds bias and residual.
/// * Convolutions are sliced by output channels, those with groups by groups, attention by heads.
/// * Elementwise operators, pooling, and whatever else leaves the sliced axis alone compute on slices.
/// * Everything else is done by every slice, on whole values.
///
/// Where nothing but concatenations is exchanged, slices compute the bits of the whole model, provided that a device's
/// kernels sum in the same order for fewer channels or columns. Sums differ from it by the rounding of one partial result a slice to the storage type. A model in which no operator can be divided among so
/// many slices stays one graph, itself. Fails for models that handle sequences or have states.
result<std::vector<graph>> cut_tensor(const graph& model, std::span<const double> shares,
                                      const operator_table& operators);

/// How the partial results of one value become the whole.
struct value_exchange {
  value_id partial = no_value, whole = no_value;
  std::optional<std::size_t> axis;    ///< nothing: they are summed
  std::vector<std::int64_t> extents;  ///< of each slice along `axis`
};

/// What a slice computes between two exchanges.
struct slice_segment {
  std::shared_ptr<const graph> network;  ///< null when it has no nodes
  std::vector<value_id> inputs, outputs;
  std::vector<value_exchange> exchanges;  ///< when it has been computed
  std::vector<value_id> last_used;        ///< values that no later segment needs, nor the caller
};

/// A slice as a device runs it. Values are those of the graph it was made of. A graph without exchanges is one slice
/// of one segment. After the last exchange only slice 0 goes on, so that the others need not be told.
struct slice_program {
  std::size_t slice = 0, slices = 1;
  std::vector<value_id> inputs, outputs;
  std::vector<std::optional<dtype>> output_types;  ///< as the model declares them
  std::map<value_id, tensor> known_outputs;  ///< those outputs that are constants
  std::vector<slice_segment> segments;
};

/// Divides a graph at its exchanges, into as few segments as their order allows. Values made by kernels leave a segment
/// as `storage`. The graph may come from another node: the error says what is wrong with it.
result<slice_program> read_slice(std::shared_ptr<const graph> slice, const operator_table& operators, dtype storage);

/// The whole of what the slices made, in their order. Sums run in fp32 in the order of the slices and are rounded to
/// the operands' type once. The error says which slice sent something else than the exchange is about.
result<tensor> join_partials(const value_exchange& what, std::span<const tensor> partials);

}  // namespace troupe
