// Operands of matrix products as kernels find them, and the copies that bring them into the form that a kernel needs.
#pragma once

#include "kernels/gemm_dispatch.hpp"

namespace troupe {

inline constexpr std::size_t gemm_batch_rank_max = 6;

/// One operand's matrices.
struct placed_matrices {
  dispatch_operand operand;
  bool transposed = false;      ///< against the order of gemm_work's extents
  std::int64_t row_stride = 0;  ///< from one row, as it lies, to the next
  std::vector<std::int64_t> batch_strides;
};

constexpr std::int64_t round_up_to_eight(std::int64_t value) {
  return (value + 7) / 8 * 8;
}

/// Fewer batch axes make the same addresses: axes of extent 1 go, and neighbours that step evenly become one. A batch
/// that shares `right` is one taller matrix.
void simplify(gemm_work& work);

placed_matrices left_of(const gemm_work& work);
placed_matrices right_of(const gemm_work& work);

/// Matrices of an operand that differ: those along axes with a stride.
std::int64_t distinct_matrices(const gemm_work& work, const placed_matrices& operand);

/// Makes `left` one whose rows start at multiples of eight elements and end in zeros; appends a copy if need be.
result<void> align_left(lowering_context& context, const gemm_work& work, placed_matrices& left);

/// Columns of `right`, packed by pack_matrix.glsl or as they lie.
struct packed_columns {
  dispatch_operand operand;
  std::int64_t first = 0, count = 0;
  std::vector<std::int64_t> batch_strides;
  std::int64_t slice = 0;  ///< the first that the operand holds
  bool coded = false;      ///< see weight_codes.glsl
};

/// Appends the packing of `right`. Several groups of columns where one binding cannot hold all.
result<std::vector<packed_columns>> pack_right(lowering_context& context, const gemm_work& work,
                                               const placed_matrices& right);

/// True when the operand is known before the run, so that what is made of it is made once.
bool is_constant(const lowering_context& context, const dispatch_operand& operand);

}  // namespace troupe
