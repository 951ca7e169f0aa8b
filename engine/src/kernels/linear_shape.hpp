// Products with weights in block formats: what Linear, Logits and ExpertLinear have in common.
#pragma once

#include <vector>

#include "kernels/node_view.hpp"
#include "troupe/engine/block_format.hpp"

namespace troupe {

/// A weight: `experts` matrices one below the other, each of `rows` rows of `row_bytes` bytes. A row makes one column
/// of the result.
struct block_matrix {
  std::size_t operand = 0;
  block_format format = block_format::f32;
  std::int64_t rows = 0, row_bytes = 0;
};

/// result[..., first of matrix i + j] = x[..., :] . row j of matrix i
struct linear_shape {
  std::int64_t inner = 0;    ///< elements of a row of x and of the weights
  std::int64_t columns = 0;  ///< rows of all matrices together
  std::int64_t experts = 1;
  std::vector<block_matrix> matrices;
};

/// Attributes that lowering sets on a Linear, and that no model from outside may carry.
namespace fused_linear {
inline constexpr std::string_view residual = "troupe_residual";  ///< 1: the operand of the bias is a residual
/// The activation of the first half of the columns, which lets through the second: as in GatedActivation.
inline constexpr std::string_view gate = "troupe_gate";
}  // namespace fused_linear

/// Reads the matrices in operands [first, last), and attributes `columns` and `formats`.
result<linear_shape> linear_shape_of(const node_view& given, std::size_t first, std::size_t last,
                                     std::int64_t experts = 1);

/// The block format with that name; an error that names the step.
result<block_format> format_of(const node& step, std::string_view name);

/// A shape of rank 2 whose rows are `inner` elements of `format`, as operand `operand` of `step` must have.
result<block_matrix> block_matrix_of(const node_view& given, std::size_t operand, block_format format,
                                     std::int64_t inner);

/// For inference: operands [first, last) are bytes.
result<void> expect_bytes(const infer_context& context, std::size_t first, std::size_t last);

/// For inference: an omitted bias, or one of the first operand's type with `columns` elements.
result<void> check_bias(const infer_context& context, std::size_t operand, std::int64_t columns);

}  // namespace troupe
