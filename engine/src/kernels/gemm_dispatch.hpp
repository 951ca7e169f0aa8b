// Matrix products on a device, for the operators that are one: MatMul, Gemm and some forms of Conv.
#pragma once

#include <optional>

#include "kernels/activation.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

/// A term added to every matrix: beta * addend[row * row_stride + column * column_stride].
struct gemm_addend {
  dispatch_operand operand;
  std::int64_t row_stride = 0, column_stride = 0;
  float beta = 1;
};

/// What happens to a sum after its addend, and before it is stored.
struct gemm_epilogue {
  std::optional<dispatch_operand> residual;  ///< dense, of the target's shape
  troupe::activation activation;
};

/// target = activation(alpha * left x right + addend + residual), for dense row-major operands; the target's matrices
/// are dense, too.
struct gemm_work {
  dispatch_operand left, right, target;
  bool left_transposed = false;   ///< left lies as [inner, rows]
  bool right_transposed = false;  ///< right lies as [columns, inner]
  bool aligned = false;           ///< rows of both operands, as they lie, are padded with zeros to multiples of eight
  std::int64_t rows = 0, inner = 0, columns = 0;
  /// Extents of the batch and the operands' strides along it, in elements; at most six axes.
  std::vector<std::int64_t> batch, left_strides, right_strides;
  float alpha = 1;
  std::optional<gemm_addend> addend;
  gemm_epilogue epilogue;
};

/// Appends the dispatches. Every element count must already be known to fit `expect_indexable`.
///
/// Which kernels run depends on the device's traits and, among those, on the shapes; all kernels of one family add up
/// an element's products in the same order, so that its bits depend on its own row and column only.
result<void> add_gemm(lowering_context& context, gemm_work work);

/// How a long reduction is cut. The length is fixed, so that a row's bits do not depend on how many rows there are.
struct reduction_slices {
  std::uint32_t length = 0, count = 1;
};
result<reduction_slices> slices_of(const lowering_context& context, std::int64_t reduction_length);

/// Scratch for the fp32 sums of all slices of `elements` results.
result<std::uint32_t> slice_scratch(lowering_context& context, const reduction_slices& slices, std::int64_t elements);

/// Appends the sum over slices, with the addend, for a target of dense [rows, columns] matrices.
void add_combine(lowering_context& context, std::uint32_t partial, const reduction_slices& slices,
                 std::int64_t elements, std::int64_t rows, std::int64_t columns, float alpha,
                 const std::optional<gemm_addend>& addend, dispatch_operand target, const gemm_epilogue& epilogue = {});

}  // namespace troupe
