#include "kernels/epilogue.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

std::size_t operands_max(const node& step, std::size_t plain) {
  return has_fused_operands(step) ? fused::residual_operand + 1 : plain;
}

result<void> check_epilogue(const infer_context& context, const shape& output) {
  TROUPE_CHECK(activation_of(context.step()));
  if (!context.has_input(fused::residual_operand)) return {};
  if (context.input_type(fused::residual_operand) == context.input_type(0) &&
      context.input_dims(fused::residual_operand) == output)
    return {};
  return fail(errc::invalid_argument, "{} adds {}{} to its result, which is {}{}", context.step().describe(),
              to_string(context.input_type(fused::residual_operand)),
              context.input_dims(fused::residual_operand).to_string(), to_string(context.input_type(0)),
              output.to_string());
}

result<gemm_epilogue> epilogue_of(const lowering_context& context) {
  gemm_epilogue made;
  TROUPE_TRY(made.activation, activation_of(context.step()));
  if (context.has_input(fused::residual_operand)) made.residual = context.read(fused::residual_operand);
  return made;
}

result<void> apply_epilogue(const reference_context& context, std::span<double> sums) {
  TROUPE_TRY(const activation last, activation_of(context.step()));
  std::vector<float> residual;
  if (context.has_input(fused::residual_operand)) {
    TROUPE_TRY(residual, context.input_floats(fused::residual_operand));
  }
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = apply(last, residual.empty() ? sums[i] : sums[i] + residual[i]);
  return {};
}

}  // namespace troupe
