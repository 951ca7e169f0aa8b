// MatMul and Gemm.
#include "kernels/matmul.hpp"

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> matmul_reference(reference_context&);
result<void> gemm_reference(reference_context&);

namespace {

result<void> infer_matmul(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  const dtype type = context.input_type(0);
  const bool is_exact = type == dtype::i32 || type == dtype::i64;
  if (!is_exact) TROUPE_CHECK(expect_same_float(context, 2));
  if (context.input_type(1) != type)
    return fail(errc::invalid_argument, "{} multiplies {} by {}; both must have one type", context.step().describe(),
                to_string(type), to_string(context.input_type(1)));
  TROUPE_TRY(const matmul_shape product, matmul_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  context.set_output(0, type, product.output);
  return {};
}

result<void> lower_matmul(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1}));
  TROUPE_TRY(const matmul_shape product, matmul_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  const auto batch_rank = static_cast<std::ptrdiff_t>(product.batch.rank());
  return add_gemm(context,
                  {.left = context.read(0),
                   .right = context.read(1),
                   .target = context.write(0),
                   .rows = product.rows,
                   .inner = product.inner,
                   .columns = product.columns,
                   .batch = {product.batch.begin(), product.batch.end()},
                   .left_strides = {product.left_strides.begin(), product.left_strides.begin() + batch_rank},
                   .right_strides = {product.right_strides.begin(), product.right_strides.begin() + batch_rank}});
}

result<void> infer_gemm(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(context.step().version < 11 ? 3 : 2, 3));
  TROUPE_CHECK(expect_same_float(context, 3));
  const shape* addend = context.has_input(2) ? &context.input_dims(2) : nullptr;
  TROUPE_TRY(const gemm_shape gemm,
             gemm_shape_of(context.step(), context.input_dims(0), context.input_dims(1), addend));
  const std::int64_t output[] = {gemm.rows, gemm.columns};
  TROUPE_TRY(const shape dims, shape::make(output));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower_gemm(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, 2}));
  const shape* addend = context.has_input(2) ? &context.input_dims(2) : nullptr;
  TROUPE_TRY(const gemm_shape gemm,
             gemm_shape_of(context.step(), context.input_dims(0), context.input_dims(1), addend));
  gemm_work work{.left = context.read(0),
                 .right = context.read(1),
                 .target = context.write(0),
                 .left_transposed = gemm.transposed_left,
                 .right_transposed = gemm.transposed_right,
                 .rows = gemm.rows,
                 .inner = gemm.inner,
                 .columns = gemm.columns,
                 .alpha = context.step().float_or("alpha", 1.0f)};
  if (addend)
    work.addend = gemm_addend{context.read(2), gemm.addend_row_stride, gemm.addend_column_stride,
                              context.step().float_or("beta", 1.0f)};
  return add_gemm(context, std::move(work));
}

}  // namespace

operator_definition matmul_operator() {
  return {.name = "MatMul", .infer = infer_matmul, .reference = matmul_reference, .lower = lower_matmul};
}

operator_definition gemm_operator() {
  return {.name = "Gemm", .infer = infer_gemm, .reference = gemm_reference, .lower = lower_gemm};
}

}  // namespace troupe
