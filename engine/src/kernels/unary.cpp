// One value in, one value out, same shape and type: activation functions and the elementary ones.
#include "kernels/unary.hpp"

#include <limits>

#include "kernels/channel_blocks.hpp"
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> unary_reference(reference_context&);

namespace {

constexpr unary_kind kinds[] = {
    {"Abs", unary_function::abs, 1, true},
    {"Clip", unary_function::clip, 1, true},
    {"Elu", unary_function::elu, 1, false},
    {"Erf", unary_function::erf, 9, false},
    {"Exp", unary_function::exp, 1, false},
    {"Gelu", unary_function::gelu, 20, false},
    {"HardSigmoid", unary_function::hard_sigmoid, 1, false},
    {"HardSwish", unary_function::hard_swish, 14, false},
    {"LeakyRelu", unary_function::leaky_relu, 1, false},
    {"Log", unary_function::log, 1, false},
    {"Mish", unary_function::mish, 18, false},
    {"Neg", unary_function::neg, 1, true},
    {"Reciprocal", unary_function::reciprocal, 1, false},
    {"Relu", unary_function::relu, 1, true},
    {"Selu", unary_function::selu, 6, false},
    {"Sigmoid", unary_function::sigmoid, 1, false},
    {"Softplus", unary_function::softplus, 1, false},
    {"Sqrt", unary_function::sqrt, 1, false},
    {"Swish", unary_function::swish, 24, false},
    {"Tanh", unary_function::tanh, 1, false},
};

struct parameters {
  std::uint32_t count;
  float a, b;
};

/// Clip's bounds are operands of the same type as the first.
result<void> check_bounds(const infer_context& context) {
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (!context.has_input(i)) continue;
    if (context.input_type(i) != context.input_type(0) || context.input_dims(i).elements() != 1)
      return fail(errc::invalid_argument, "bound {} of {} is a tensor {}{}; one {} is needed", i,
                  context.step().describe(), to_string(context.input_type(i)), context.input_dims(i).to_string(),
                  to_string(context.input_type(0)));
  }
  return {};
}

result<void> infer(infer_context& context) {
  const unary_kind& kind = *find_unary(context.step().op);
  const bool has_bounds = kind.function == unary_function::clip;
  TROUPE_CHECK(context.expect_inputs(1, has_bounds ? 3 : 1));
  const dtype type = context.input_type(0);
  const bool served = is_float(type) || (kind.takes_integers && type != dtype::boolean);
  if (!served)
    return fail(errc::invalid_argument, "{} is not defined for {}", context.step().describe(), to_string(type));
  if (has_bounds) TROUPE_CHECK(check_bounds(context));
  context.set_output(0, type, context.input_dims(0));
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const unary_call call, read_unary(node_view(context)));
  return add_unary(context, call);
}

/// True when f(0) is 0, so that channels which are not there stay zeros.
bool keeps_zero(const unary_call& call) {
  switch (call.function) {
    case unary_function::clip: return call.a <= 0 && call.b >= 0;
    case unary_function::relu:
    case unary_function::leaky_relu:
    case unary_function::tanh:
    case unary_function::sqrt:
    case unary_function::neg:
    case unary_function::abs:
    case unary_function::erf:
    case unary_function::hard_swish:
    case unary_function::elu:
    case unary_function::selu:
    case unary_function::gelu:
    case unary_function::gelu_tanh: return true;
    default: return false;
  }
}

layout_offer layouts(const lowering_context& context) {
  const shape& dims = context.output_dims(0);
  if (!has_blocks(dims)) return {};
  const auto call = read_unary(node_view(context));
  if (!call || (dims[1] % 8 != 0 && !keeps_zero(*call))) return {};
  return {.when = layout_offer::mode::follow, .inputs = {true}, .outputs = {true}};
}

operator_definition unary(std::string_view op) {
  return {.name = op,
          .since_version = find_unary(op)->since_version,
          .infer = infer,
          .reference = unary_reference,
          .lower = lower,
          .layouts = layouts};
}

}  // namespace

const unary_kind* find_unary(std::string_view op) {
  for (const unary_kind& kind : kinds)
    if (kind.op == op) return &kind;
  return nullptr;
}

result<unary_call> read_unary(const node_view& view) {
  const node& step = view.step();
  unary_call call{.function = find_unary(step.op)->function};
  switch (call.function) {
    case unary_function::leaky_relu: call.a = step.float_or("alpha", 0.01f); break;
    case unary_function::swish:
    case unary_function::elu: call.a = step.float_or("alpha", 1.0f); break;
    case unary_function::selu:
      call.a = step.float_or("alpha", 1.67326319217681884765625f);
      call.b = step.float_or("gamma", 1.05070102214813232421875f);
      break;
    case unary_function::hard_sigmoid:
      call.a = step.float_or("alpha", 0.2f);
      call.b = step.float_or("beta", 0.5f);
      break;
    case unary_function::hard_swish:
      call.a = 1.0 / 6.0;
      call.b = 0.5;
      break;
    case unary_function::clip: {
      // The bounds were attributes up to opset 10 and are operands since.
      constexpr float infinity = std::numeric_limits<float>::infinity();
      TROUPE_TRY(call.a, view.number_or(1, step.float_or("min", -infinity)));
      TROUPE_TRY(call.b, view.number_or(2, step.float_or("max", infinity)));
      break;
    }
    case unary_function::gelu: {
      const std::string approximation = step.string_or("approximate", "none");
      if (approximation == "tanh") call.function = unary_function::gelu_tanh;
      if (approximation != "tanh" && approximation != "none")
        return fail(errc::unsupported, "{} asks for the approximation \"{}\"; \"none\" and \"tanh\" exist",
                    step.describe(), approximation);
      break;
    }
    default: break;
  }
  return call;
}

result<void> add_unary(lowering_context& context, const unary_call& call) {
  const shape& dims = context.output_dims(0);
  const bool in_blocks = context.output_layout(0) == memory_layout::blocks;
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), in_blocks ? blocks_view(dims) : dims));
  if (count == 0) return {};
  context.add(
      {.shader = "unary",
       .operands = {context.read(0), context.write(0)},
       .push_constants = push_bytes(parameters{count, static_cast<float>(call.a), static_cast<float>(call.b)}),
       .specialization = {static_cast<std::uint32_t>(call.function), count % 8 == 0 ? 0u : 1u},
       .groups = groups_for((std::int64_t{count} + 7) / 8, 64, context.traits())});  // eight for each invocation
  return {};
}

operator_definition abs_operator() {
  return unary("Abs");
}
operator_definition clip_operator() {
  auto definition = unary("Clip");
  definition.host_inputs = {1, 2};
  return definition;
}
operator_definition elu_operator() {
  return unary("Elu");
}
operator_definition erf_operator() {
  return unary("Erf");
}
operator_definition exp_operator() {
  return unary("Exp");
}
operator_definition gelu_operator() {
  return unary("Gelu");
}
operator_definition hard_sigmoid_operator() {
  return unary("HardSigmoid");
}
operator_definition hard_swish_operator() {
  return unary("HardSwish");
}
operator_definition leaky_relu_operator() {
  return unary("LeakyRelu");
}
operator_definition log_operator() {
  return unary("Log");
}
operator_definition mish_operator() {
  return unary("Mish");
}
operator_definition neg_operator() {
  return unary("Neg");
}
operator_definition reciprocal_operator() {
  return unary("Reciprocal");
}
operator_definition relu_operator() {
  return unary("Relu");
}
operator_definition selu_operator() {
  return unary("Selu");
}
operator_definition sigmoid_operator() {
  return unary("Sigmoid");
}
operator_definition softplus_operator() {
  return unary("Softplus");
}
operator_definition sqrt_operator() {
  return unary("Sqrt");
}
operator_definition swish_operator() {
  return unary("Swish");
}
operator_definition tanh_operator() {
  return unary("Tanh");
}

}  // namespace troupe
