// MatMul and Gemm.
#include "kernels/matmul.hpp"

#include "kernels/definitions.hpp"
#include "kernels/epilogue.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> matmul_reference(reference_context&);
result<void> gemm_reference(reference_context&);

namespace {

/// A pass has moved what follows the product into the node.
result<void> check_fused_matmul(const infer_context& context, const matmul_shape& product) {
  TROUPE_CHECK(expect_same_float(context, context.input_count()));
  TROUPE_CHECK(check_epilogue(context, product.output));
  if (context.has_input(fused::bias_operand) && context.input_dims(fused::bias_operand) != shape{product.columns})
    return fail(errc::invalid_argument, "the bias {} of {} does not have {} elements",
                context.input_dims(fused::bias_operand).to_string(), context.step().describe(), product.columns);
  return {};
}

result<void> infer_matmul(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, operands_max(context.step(), 2)));
  const dtype type = context.input_type(0);
  const bool is_exact = type == dtype::i32 || type == dtype::i64;
  if (!is_exact) TROUPE_CHECK(expect_same_float(context, 2));
  if (context.input_type(1) != type)
    return fail(errc::invalid_argument, "{} multiplies {} by {}; both must have one type", context.step().describe(),
                to_string(type), to_string(context.input_type(1)));
  TROUPE_TRY(const matmul_shape product, matmul_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  if (has_fused_operands(context.step()) || context.step().has(fused::activation))
    TROUPE_CHECK(check_fused_matmul(context, product));
  context.set_output(0, type, product.output);
  return {};
}

result<void> lower_matmul(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, fused::bias_operand}));
  TROUPE_TRY(const matmul_shape product, matmul_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  const auto batch_rank = static_cast<std::ptrdiff_t>(product.batch.rank());
  gemm_work work{.left = context.read(0),
                 .right = context.read(1),
                 .target = context.write(0),
                 .rows = product.rows,
                 .inner = product.inner,
                 .columns = product.columns,
                 .batch = {product.batch.begin(), product.batch.end()},
                 .left_strides = {product.left_strides.begin(), product.left_strides.begin() + batch_rank},
                 .right_strides = {product.right_strides.begin(), product.right_strides.begin() + batch_rank}};
  TROUPE_TRY(work.epilogue, epilogue_of(context));
  if (context.has_input(fused::bias_operand))
    work.addend = gemm_addend{.operand = context.read(fused::bias_operand), .column_stride = 1};
  return add_gemm(context, std::move(work));
}

result<void> infer_gemm(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(context.step().version < 11 ? 3 : 2, operands_max(context.step(), 3)));
  TROUPE_CHECK(expect_same_float(context, context.input_count()));
  const shape* addend = context.has_input(2) ? &context.input_dims(2) : nullptr;
  TROUPE_TRY(const gemm_shape gemm,
             gemm_shape_of(context.step(), context.input_dims(0), context.input_dims(1), addend));
  const std::int64_t output[] = {gemm.rows, gemm.columns};
  TROUPE_TRY(const shape dims, shape::make(output));
  TROUPE_CHECK(check_epilogue(context, dims));
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
  TROUPE_TRY(work.epilogue, epilogue_of(context));
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
