// Relu, LeakyRelu, Clip, Sigmoid, Tanh: one value in, one value out, same shape and type.
#include <limits>

#include "kernels/definitions.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> unary_reference(reference_context&);

namespace {

enum class function : std::uint32_t { relu = 0, leaky_relu = 1, clip = 2, sigmoid = 3, tanh = 4 };

struct parameters {
  std::uint32_t count;
  float a, b;
};

result<void> infer(infer_context& context) {
  const bool has_bounds = context.step().op == "Clip";
  TROUPE_CHECK(context.expect_inputs(1, has_bounds ? 3 : 1));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> lower_function(lowering_context& context, function which, float a = 0, float b = 0) {
  const auto count = context.output_dims(0).elements();
  context.add({.shader = "unary",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(parameters{static_cast<std::uint32_t>(count), a, b}),
               .specialization = {static_cast<std::uint32_t>(which)},
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

result<void> lower_relu(lowering_context& context) {
  return lower_function(context, function::relu);
}
result<void> lower_sigmoid(lowering_context& context) {
  return lower_function(context, function::sigmoid);
}
result<void> lower_tanh(lowering_context& context) {
  return lower_function(context, function::tanh);
}
result<void> lower_leaky_relu(lowering_context& context) {
  return lower_function(context, function::leaky_relu, context.step().float_or("alpha", 0.01f));
}

/// Clip's bounds were attributes up to opset 10 and are operands since.
result<void> lower_clip(lowering_context& context) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float bounds[2] = {context.step().float_or("min", -infinity), context.step().float_or("max", infinity)};
  for (std::size_t i = 0; i < 2; ++i) {
    const tensor* given = context.input_value(i + 1);
    if (!given) continue;
    TROUPE_TRY(const tensor wide, convert(*given, dtype::f32));
    if (wide.elements() == 1) bounds[i] = wide.as<float>()[0];
  }
  return lower_function(context, function::clip, bounds[0], bounds[1]);
}

operator_definition unary(std::string_view name, result<void> (*lower)(lowering_context&)) {
  return {.name = name, .infer = infer, .reference = unary_reference, .lower = lower};
}

}  // namespace

operator_definition relu_operator() {
  return unary("Relu", lower_relu);
}
operator_definition leaky_relu_operator() {
  return unary("LeakyRelu", lower_leaky_relu);
}
operator_definition sigmoid_operator() {
  return unary("Sigmoid", lower_sigmoid);
}
operator_definition tanh_operator() {
  return unary("Tanh", lower_tanh);
}
operator_definition clip_operator() {
  auto definition = unary("Clip", lower_clip);
  definition.host_inputs = {1, 2};
  return definition;
}

}  // namespace troupe
