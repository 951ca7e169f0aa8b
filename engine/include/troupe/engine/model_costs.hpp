// What a model takes to run, operator by operator, before it runs anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

struct operator_cost {
  double operations = 0;               ///< a multiply-add counts as two
  std::uint64_t weight_bytes = 0;      ///< of its constants, as the device keeps them
  std::uint64_t read_bytes = 0;        ///< of these, what one run reads: not a whole table of which it needs some rows
  std::uint64_t activation_bytes = 0;  ///< read and written in one run besides
  std::uint64_t state_bytes = 0;       ///< kept from run to run
  std::uint32_t dispatches = 0;
};

/// Operators are those of the model once its constants are folded. A piece is what lies between two places where the
/// model may be cut: piece k has the operators from `cuts[k]` up to `cuts[k + 1]`, or to the last one.
struct model_costs {
  std::vector<operator_cost> operators;
  std::vector<std::size_t> cuts;         ///< index of the first operator of each piece; `cuts[0]` is 0
  std::vector<std::uint64_t> cut_bytes;  ///< what crosses before each piece: the inputs first; at the end the outputs
  std::uint64_t activation_bytes = 0;    ///< the most that is needed at once
  std::int64_t rows = 1;                 ///< first extent of the first input

  std::size_t pieces() const noexcept { return cuts.size(); }
  /// One past the last operator of piece `k`.
  std::size_t piece_end(std::size_t k) const { return k + 1 < cuts.size() ? cuts[k + 1] : operators.size(); }
};

/// Predicts for a model that is ready to be cut (`optimize`d). `inputs` are the shapes that its inputs are expected to
/// have; where there are none, unknown extents count as 1. Where shapes cannot be inferred, costs follow from the
/// sizes of weights. Fails for an invalid model and for inputs that do not fit it.
result<model_costs> predict_costs(const graph& model, const operator_table& operators, dtype storage = dtype::f16,
                                  std::span<const shape> inputs = {});

}  // namespace troupe
