#include "kernels/matmul.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Strides of the leading axes of `operand` seen as `batch`, whose last axes they are.
std::array<std::int64_t, limits::rank_max> batch_strides(const shape& operand, std::size_t operand_batch_rank,
                                                         const shape& batch) {
  std::array<std::int64_t, limits::rank_max> strides{};
  const auto dense = operand.strides();
  for (std::size_t i = 0; i < operand_batch_rank; ++i)
    strides[batch.rank() - operand_batch_rank + i] = operand[i] == 1 ? 0 : dense[i];
  return strides;
}

}  // namespace

result<matmul_shape> matmul_shape_of(const node& step, const shape& left, const shape& right) {
  if (left.rank() == 0 || right.rank() == 0)
    return fail(errc::invalid_argument, "{} multiplies {} and {}; a scalar cannot be an operand", step.describe(),
                left.to_string(), right.to_string());
  const std::size_t left_batch = left.rank() < 2 ? 0 : left.rank() - 2;
  const std::size_t right_batch = right.rank() < 2 ? 0 : right.rank() - 2;
  matmul_shape made;
  made.rows = left.rank() == 1 ? 1 : left[left_batch];
  made.inner = left[left.rank() - 1];
  made.columns = right.rank() == 1 ? 1 : right[right.rank() - 1];
  if (const std::int64_t right_inner = right[right.rank() == 1 ? 0 : right_batch]; right_inner != made.inner)
    return fail(errc::invalid_argument, "{} multiplies {} and {}; the inner extents {} and {} differ", step.describe(),
                left.to_string(), right.to_string(), made.inner, right_inner);
  TROUPE_TRY(const shape left_axes, shape::make(left.extents().first(left_batch)));
  TROUPE_TRY(const shape right_axes, shape::make(right.extents().first(right_batch)));
  auto batch = broadcast(left_axes, right_axes);
  if (!batch) return std::move(batch).while_doing("multiplying in " + step.describe()).error();
  made.batch = *batch;
  made.left_strides = batch_strides(left, left_batch, made.batch);
  made.right_strides = batch_strides(right, right_batch, made.batch);
  std::vector<std::int64_t> output(made.batch.begin(), made.batch.end());
  if (left.rank() > 1) output.push_back(made.rows);
  if (right.rank() > 1) output.push_back(made.columns);
  TROUPE_TRY(made.output, shape::make(output));
  return made;
}

result<gemm_shape> gemm_shape_of(const node& step, const shape& left, const shape& right, const shape* addend) {
  if (left.rank() != 2 || right.rank() != 2)
    return fail(errc::invalid_argument, "{} multiplies {} and {}; both must be matrices", step.describe(),
                left.to_string(), right.to_string());
  gemm_shape made;
  made.transposed_left = step.int_or("transA", 0) != 0;
  made.transposed_right = step.int_or("transB", 0) != 0;
  made.rows = left[made.transposed_left ? 1 : 0];
  made.inner = left[made.transposed_left ? 0 : 1];
  made.columns = right[made.transposed_right ? 0 : 1];
  if (const std::int64_t right_inner = right[made.transposed_right ? 1 : 0]; right_inner != made.inner)
    return fail(errc::invalid_argument, "{} multiplies {} and {}; the inner extents {} and {} differ", step.describe(),
                left.to_string(), right.to_string(), made.inner, right_inner);
  if (!addend) return made;
  const std::size_t rank = addend->rank();
  const std::int64_t addend_columns = rank < 1 ? 1 : (*addend)[rank - 1];
  const std::int64_t addend_rows = rank < 2 ? 1 : (*addend)[rank - 2];
  if (rank > 2 || (addend_rows != 1 && addend_rows != made.rows) ||
      (addend_columns != 1 && addend_columns != made.columns))
    return fail(errc::invalid_argument, "the operand C {} of {} does not broadcast to [{},{}]", addend->to_string(),
                step.describe(), made.rows, made.columns);
  made.addend_column_stride = addend_columns == 1 ? 0 : 1;
  made.addend_row_stride = addend_rows == 1 ? 0 : addend_columns;
  return made;
}

}  // namespace troupe
