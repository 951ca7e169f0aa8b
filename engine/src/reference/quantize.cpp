#include "kernels/quantize.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// Operand i as doubles; one zero when it is left out.
result<tensor> numbers(const reference_context& context, std::size_t i) {
  if (!context.has_input(i)) return tensor::make(dtype::f64, {1});
  return convert(context.input(i), dtype::f64);
}

result<void> store(reference_context& context, std::size_t output, const tensor& wide) {
  if (!context.wants_output(output)) return {};
  tensor& target = context.output(output);
  TROUPE_TRY(target, target.type() == dtype::f16 ? convert_to_storage(wide, dtype::f16) : convert(wide, target.type()));
  return {};
}

}  // namespace

result<void> quantize_linear_reference(reference_context& context) {
  const tensor& data = context.input(0);
  TROUPE_TRY(const auto plan, read_quantization(context.step(), data.dims(), context.input(1).dims()));
  TROUPE_TRY(tensor values, numbers(context, 0));
  TROUPE_TRY(const tensor scales, numbers(context, 1));
  TROUPE_TRY(const tensor zeros, numbers(context, 2));
  const auto scale = scales.as<double>();
  const auto zero = zeros.as<double>();
  const dtype type = context.output(0).type();
  std::size_t i = 0;
  for (double& value : values.as_mutable<double>()) {
    const std::size_t k = plan.scale_of(i++);
    // The quotient is one of floats: what is near a tie rounds as it does there.
    const float quotient = static_cast<float>(value) / static_cast<float>(scale[k]);
    value = static_cast<double>(quantized(quotient, static_cast<std::int64_t>(zero[zero.size() > 1 ? k : 0]), type));
  }
  return store(context, 0, values);
}

result<void> dequantize_linear_reference(reference_context& context) {
  const tensor& data = context.input(0);
  TROUPE_TRY(const auto plan, read_quantization(context.step(), data.dims(), context.input(1).dims()));
  TROUPE_TRY(tensor values, numbers(context, 0));
  TROUPE_TRY(const tensor scales, numbers(context, 1));
  TROUPE_TRY(const tensor zeros, numbers(context, 2));
  const auto scale = scales.as<double>();
  const auto zero = zeros.as<double>();
  std::size_t i = 0;
  for (double& value : values.as_mutable<double>()) {
    const std::size_t k = plan.scale_of(i++);
    value = (value - zero[zero.size() > 1 ? k : 0]) * scale[k];
  }
  return store(context, 0, values);
}

/// The range of the values, widened to hold 0, is spread over the 256 values of a byte.
result<void> dynamic_quantize_linear_reference(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(0));
  float lowest = 0, highest = 0;
  for (const float value : values) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  const float scale = (highest - lowest) / 255;
  const std::int64_t zero = scale > 0 ? quantized(-lowest / scale, 0, dtype::u8) : 0;
  for (float& value : values) value = static_cast<float>(quantized(scale > 0 ? value / scale : 0, zero, dtype::u8));
  TROUPE_TRY(const tensor wide, tensor::from<float>(context.input(0).dims(), values));
  TROUPE_CHECK(store(context, 0, wide));
  TROUPE_TRY(const tensor wide_scale, tensor::from<float>({}, {&scale, 1}));
  TROUPE_CHECK(store(context, 1, wide_scale));
  TROUPE_TRY(const tensor wide_zero, tensor::from<std::int64_t>({}, {&zero, 1}));
  return store(context, 2, wide_zero);
}

}  // namespace troupe
