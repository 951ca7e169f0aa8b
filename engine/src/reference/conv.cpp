#include "kernels/conv.hpp"

#include "kernels/activation.hpp"
#include "reference/products.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> conv_reference(reference_context& context) {
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input(0).dims(), context.input(1).dims()));
  TROUPE_TRY(const auto input, context.input_floats(0));
  TROUPE_TRY(const auto weights, context.input_floats(1));
  std::vector<float> bias;
  if (context.has_input(2)) {
    TROUPE_TRY(bias, context.input_floats(2));
  }
  std::vector<float> residual;
  if (context.has_input(fused::residual_operand)) {
    TROUPE_TRY(residual, context.input_floats(fused::residual_operand));
  }
  TROUPE_TRY(const activation ending, activation_of(context.step()));
  std::vector<float> result_values;
  result_values.reserve(context.output(0).elements());
  convolve(conv, input.data(), weights.data(), [&](double products, std::int64_t channel) {
    double sum = (bias.empty() ? 0.0 : bias[static_cast<std::size_t>(channel)]) + products;
    if (!residual.empty()) sum += static_cast<double>(residual[result_values.size()]);
    result_values.push_back(static_cast<float>(apply(ending, sum)));
  });
  return context.set_output_floats(0, result_values);
}

}  // namespace troupe
