#include "kernels/activation.hpp"

#include <cmath>
#include <numbers>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct named_activation {
  std::string_view name;
  activation_kind kind;
};

constexpr named_activation names[] = {
    {"Relu", activation_kind::relu},
    {"LeakyRelu", activation_kind::leaky_relu},
    {"Clip", activation_kind::clip},
    {"Sigmoid", activation_kind::sigmoid},
    {"Tanh", activation_kind::tanh},
    {"HardSigmoid", activation_kind::hard_sigmoid},
    {"HardSwish", activation_kind::hard_swish},
    {"Swish", activation_kind::swish},
    {"Gelu", activation_kind::gelu},
    {"GeluTanh", activation_kind::gelu_tanh},
};

double line_in_unit_interval(const activation& what, double x) {
  const double line = what.a * x + what.b;
  return line < 0 ? 0 : (line > 1 ? 1 : line);
}

}  // namespace

result<activation> activation_of(const node& step) {
  const auto found = step.attributes.find(fused::activation);
  if (found == step.attributes.end()) return activation{};
  const auto* name = std::get_if<std::string>(&found->second);
  for (const named_activation& known : names)
    if (name && *name == known.name)
      return activation{known.kind, step.float_or(fused::alpha, 0), step.float_or(fused::beta, 0)};
  return fail(errc::invalid_argument, "{} ends in an activation \"{}\", which does not exist", step.describe(),
              name ? *name : "?");
}

bool has_fused_operands(const node& step) {
  return step.int_or(fused::operands, 0) == 1;
}

void set_activation(node& step, const activation& what) {
  for (const named_activation& known : names)
    if (known.kind == what.kind) step.attributes[std::string(fused::activation)] = std::string(known.name);
  step.attributes[std::string(fused::alpha)] = what.a;
  step.attributes[std::string(fused::beta)] = what.b;
}

double apply(const activation& what, double x) {
  switch (what.kind) {
    case activation_kind::none: return x;
    case activation_kind::relu: return x < 0 ? 0 : x;
    case activation_kind::leaky_relu: return x < 0 ? what.a * x : x;
    case activation_kind::clip: {  // the upper bound wins when the bounds cross
      const double raised = x < what.a ? what.a : x;
      return raised > what.b ? what.b : raised;
    }
    case activation_kind::sigmoid: return 1 / (1 + std::exp(-x));
    case activation_kind::tanh: return std::tanh(x);
    case activation_kind::hard_sigmoid: return line_in_unit_interval(what, x);
    case activation_kind::hard_swish: return x * line_in_unit_interval(what, x);
    case activation_kind::swish: return x / (1 + std::exp(-what.a * x));
    case activation_kind::gelu: return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case activation_kind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

}  // namespace troupe
