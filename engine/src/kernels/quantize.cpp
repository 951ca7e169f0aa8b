// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. Devices hold no small integers, so they run on the host;
// the weights of a quantised model are constants, which are dequantised once before anything runs.
#include "kernels/quantize.hpp"

#include <cmath>

#include "kernels/definitions.hpp"
#include "kernels/element_type.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> quantize_linear_reference(reference_context&);
result<void> dequantize_linear_reference(reference_context&);
result<void> dynamic_quantize_linear_reference(reference_context&);

std::size_t quantization_plan::scale_of(std::size_t i) const noexcept {
  if (whole) return 0;
  const auto place = static_cast<std::int64_t>(i);
  const std::int64_t along = place / inner % extent;
  if (block == 0) return static_cast<std::size_t>(along);
  return static_cast<std::size_t>((place / (inner * extent) * blocks + along / block) * inner + place % inner);
}

result<quantization_plan> read_quantization(const node& step, const shape& data, const shape& scales) {
  quantization_plan plan;
  if (scales.elements() == 1 && scales.rank() <= 1) return plan;
  const auto refuse = [&]() -> error {
    return fail(errc::invalid_argument, "the scales {} of {} do not fit a tensor {}", scales.to_string(),
                step.describe(), data.to_string());
  };
  auto axis = normalize_axis(step.int_or("axis", 1), data.rank());
  if (!axis) return std::move(axis).error().while_doing("reading the axis of " + step.describe());
  plan.whole = false;
  plan.extent = data[*axis];
  plan.inner = data.elements(*axis + 1, data.rank());
  plan.block = step.int_or("block_size", 0);
  if (plan.block < 0) return refuse();
  if (plan.block == 0) {
    if (scales.rank() != 1 || scales[0] != plan.extent) return refuse();
    return plan;
  }
  if (scales.rank() != data.rank()) return refuse();
  plan.blocks = plan.extent / plan.block + (plan.extent % plan.block != 0);
  for (std::size_t i = 0; i < data.rank(); ++i)
    if (scales[i] != (i == *axis ? plan.blocks : data[i])) return refuse();
  return plan;
}

bool is_quantized(dtype type) noexcept {
  return type == dtype::i8 || type == dtype::u8 || type == dtype::i16 || type == dtype::u16;
}

std::int64_t quantized(double x, std::int64_t zero_point, dtype type) noexcept {
  const bool is_signed = type == dtype::i8 || type == dtype::i16;
  const std::int64_t values = std::int64_t{1} << (8 * size_of(type));
  const std::int64_t lowest = is_signed ? -values / 2 : 0;
  const std::int64_t highest = lowest + values - 1;
  if (std::isnan(x)) return zero_point;
  const double shifted = std::nearbyint(x) + static_cast<double>(zero_point);
  if (shifted <= static_cast<double>(lowest)) return lowest;
  return shifted >= static_cast<double>(highest) ? highest : static_cast<std::int64_t>(shifted);
}

namespace {

/// Operand 2, when it is there, has the shape of the scales and type `type`.
result<void> check_zero_point(const infer_context& context, dtype type) {
  if (!context.has_input(2) ||
      (context.input_type(2) == type && context.input_dims(2).elements() == context.input_dims(1).elements()))
    return {};
  return fail(errc::invalid_argument, "the zero point of {} is a tensor {}{}; one {} for each scale is needed",
              context.step().describe(), to_string(context.input_type(2)), context.input_dims(2).to_string(),
              to_string(type));
}

/// The result has the type of the zero point; without one that of `output_dtype`, or uint8.
result<void> infer_quantize(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 3));
  const dtype given = context.input_type(0);
  if ((!is_float(given) && given != dtype::i32) || !is_float(context.input_type(1)))
    return fail(errc::invalid_argument, "{} is not defined for {} with scales of type {}", step.describe(),
                to_string(given), to_string(context.input_type(1)));
  dtype type = dtype::u8;
  if (context.has_input(2)) {
    type = context.input_type(2);
  } else if (step.int_or("output_dtype", 0) != 0) {
    TROUPE_TRY(type, element_type_of(step, step.int_or("output_dtype", 0)));
  }
  if (!is_quantized(type))
    return fail(errc::unsupported, "{} makes {}; int8, uint8, int16 and uint16 are supported", step.describe(),
                to_string(type));
  TROUPE_CHECK(check_zero_point(context, type));
  TROUPE_CHECK(read_quantization(step, context.input_dims(0), context.input_dims(1)));
  context.set_output(0, type, context.input_dims(0));
  return {};
}

result<void> infer_dequantize(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 3));
  const dtype given = context.input_type(0);
  if ((!is_quantized(given) && given != dtype::i32) || !is_float(context.input_type(1)))
    return fail(errc::invalid_argument, "{} is not defined for {} with scales of type {}", step.describe(),
                to_string(given), to_string(context.input_type(1)));
  TROUPE_CHECK(check_zero_point(context, given));
  TROUPE_CHECK(read_quantization(step, context.input_dims(0), context.input_dims(1)));
  dtype type = context.input_type(1);
  if (step.int_or("output_dtype", 0) != 0) {
    TROUPE_TRY(type, element_type_of(step, step.int_or("output_dtype", 0)));
  }
  if (!is_float(type))
    return fail(errc::invalid_argument, "{} makes {}, not a floating-point type", step.describe(), to_string(type));
  context.set_output(0, type, context.input_dims(0));
  return {};
}

result<void> infer_dynamic_quantize(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  if (!is_float(context.input_type(0)))
    return fail(errc::invalid_argument, "{} is not defined for {}", context.step().describe(),
                to_string(context.input_type(0)));
  context.set_output(0, dtype::u8, context.input_dims(0));
  context.set_output(1, dtype::f32, {});
  context.set_output(2, dtype::u8, {});
  return {};
}

}  // namespace

operator_definition dequantize_linear_operator() {
  return {.name = "DequantizeLinear",
          .since_version = 10,
          .infer = infer_dequantize,
          .reference = dequantize_linear_reference};
}
operator_definition dynamic_quantize_linear_operator() {
  return {.name = "DynamicQuantizeLinear",
          .since_version = 11,
          .infer = infer_dynamic_quantize,
          .reference = dynamic_quantize_linear_reference};
}
operator_definition quantize_linear_operator() {
  return {
      .name = "QuantizeLinear", .since_version = 10, .infer = infer_quantize, .reference = quantize_linear_reference};
}

}  // namespace troupe
