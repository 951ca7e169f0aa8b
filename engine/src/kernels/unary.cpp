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
    {"Acos", unary_function::acos, 7, false},
    {"Acosh", unary_function::acosh, 9, false},
    {"Asin", unary_function::asin, 7, false},
    {"Asinh", unary_function::asinh, 9, false},
    {"Atan", unary_function::atan, 7, false},
    {"Atanh", unary_function::atanh, 9, false},
    {"Ceil", unary_function::ceil, 1, false},
    {"Celu", unary_function::celu, 12, false},
    {"Clip", unary_function::clip, 1, true},
    {"Cos", unary_function::cos, 7, false},
    {"Cosh", unary_function::cosh, 9, false},
    {"Elu", unary_function::elu, 1, false},
    {"Erf", unary_function::erf, 9, false},
    {"FakeQuantizeLinear", unary_function::fake_quantize, 1, false},
    {"Exp", unary_function::exp, 1, false},
    {"Floor", unary_function::floor, 1, false},
    {"Gelu", unary_function::gelu, 20, false},
    {"HardSigmoid", unary_function::hard_sigmoid, 1, false},
    {"HardSwish", unary_function::hard_swish, 14, false},
    {"LeakyRelu", unary_function::leaky_relu, 1, false},
    {"Log", unary_function::log, 1, false},
    {"Mish", unary_function::mish, 18, false},
    {"Neg", unary_function::neg, 1, true},
    {"Reciprocal", unary_function::reciprocal, 1, false},
    {"Relu", unary_function::relu, 1, true},
    {"Round", unary_function::round, 11, false},
    {"Selu", unary_function::selu, 6, false},
    {"Shrink", unary_function::shrink, 9, true},
    {"Sigmoid", unary_function::sigmoid, 1, false},
    {"Sign", unary_function::sign, 9, true},
    {"Sin", unary_function::sin, 7, false},
    {"Sinh", unary_function::sinh, 9, false},
    {"Softplus", unary_function::softplus, 1, false},
    {"Softsign", unary_function::softsign, 1, false},
    {"Sqrt", unary_function::sqrt, 1, false},
    {"Swish", unary_function::swish, 24, false},
    {"Tan", unary_function::tan, 7, false},
    {"Tanh", unary_function::tanh, 1, false},
    {"ThresholdedRelu", unary_function::thresholded_relu, 10, false},
};

struct parameters {
  std::uint32_t count;
  float a, b, c;
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
    case unary_function::thresholded_relu:
    case unary_function::shrink: return call.a >= 0;
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
    case unary_function::gelu_tanh:
    case unary_function::mish:
    case unary_function::swish:
    case unary_function::ceil:
    case unary_function::floor:
    case unary_function::round:
    case unary_function::sign:
    case unary_function::sin:
    case unary_function::tan:
    case unary_function::sinh:
    case unary_function::asin:
    case unary_function::atan:
    case unary_function::asinh:
    case unary_function::atanh:
    case unary_function::celu:
    case unary_function::softsign:
    case unary_function::fake_quantize: return true;
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
    case unary_function::elu:
    case unary_function::celu:
    case unary_function::thresholded_relu: call.a = step.float_or("alpha", 1.0f); break;
    case unary_function::shrink:
      call.a = step.float_or("lambd", 0.5f);
      call.b = step.float_or("bias", 0.0f);
      break;
    case unary_function::selu:
      call.a = step.float_or("alpha", 1.67326319217681884765625f);
      call.b = step.float_or("gamma", 1.05070102214813232421875f);
      break;
    case unary_function::fake_quantize:
      call.a = step.float_or("scale", 1.0f);
      call.b = static_cast<double>(step.int_or("lowest", 0));
      call.c = static_cast<double>(step.int_or("highest", 255));
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
       .push_constants = push_bytes(
           parameters{count, static_cast<float>(call.a), static_cast<float>(call.b), static_cast<float>(call.c)}),
       .specialization = {static_cast<std::uint32_t>(call.function), count % 8 == 0 ? 0u : 1u},
       .groups = groups_for((std::int64_t{count} + 7) / 8, 64, context.traits())});  // eight for each invocation
  return {};
}

operator_definition abs_operator() {
  return unary("Abs");
}
operator_definition acos_operator() {
  return unary("Acos");
}
operator_definition acosh_operator() {
  return unary("Acosh");
}
operator_definition asin_operator() {
  return unary("Asin");
}
operator_definition asinh_operator() {
  return unary("Asinh");
}
operator_definition atan_operator() {
  return unary("Atan");
}
operator_definition atanh_operator() {
  return unary("Atanh");
}
operator_definition ceil_operator() {
  return unary("Ceil");
}
operator_definition celu_operator() {
  return unary("Celu");
}
operator_definition clip_operator() {
  auto definition = unary("Clip");
  definition.host_inputs = {1, 2};
  return definition;
}
operator_definition cos_operator() {
  return unary("Cos");
}
operator_definition cosh_operator() {
  return unary("Cosh");
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
operator_definition fake_quantize_linear_operator() {
  return unary("FakeQuantizeLinear");
}
operator_definition floor_operator() {
  return unary("Floor");
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
operator_definition round_operator() {
  return unary("Round");
}
operator_definition selu_operator() {
  return unary("Selu");
}
operator_definition shrink_operator() {
  return unary("Shrink");
}
operator_definition sigmoid_operator() {
  return unary("Sigmoid");
}
operator_definition sign_operator() {
  return unary("Sign");
}
operator_definition sin_operator() {
  return unary("Sin");
}
operator_definition sinh_operator() {
  return unary("Sinh");
}
operator_definition softplus_operator() {
  return unary("Softplus");
}
operator_definition softsign_operator() {
  return unary("Softsign");
}
operator_definition sqrt_operator() {
  return unary("Sqrt");
}
operator_definition swish_operator() {
  return unary("Swish");
}
operator_definition tan_operator() {
  return unary("Tan");
}
operator_definition tanh_operator() {
  return unary("Tanh");
}
operator_definition thresholded_relu_operator() {
  return unary("ThresholdedRelu");
}

}  // namespace troupe
