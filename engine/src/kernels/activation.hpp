// What kernels of sums of products do to a result before they store it: passes move the activation that follows a node,
// and what is added to it, into the node itself.
#pragma once

#include <optional>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Numbered as in activation.glsl.
enum class activation_kind : std::uint32_t {
  none = 0,
  relu = 1,
  leaky_relu = 2,
  clip = 3,
  sigmoid = 4,
  tanh = 5,
  hard_sigmoid = 6,
  hard_swish = 7,
  swish = 8,
  gelu = 9,
  gelu_tanh = 10,
};

/// A function with its parameters. `a` and `b` are: LeakyRelu: the slope; Clip: lower and upper bound; HardSigmoid,
/// HardSwish: slope and offset of the line; Swish: the factor in x * sigmoid(a * x).
struct activation {
  activation_kind kind = activation_kind::none;
  float a = 0, b = 0;

  friend bool operator==(const activation&, const activation&) = default;
};

/// Attributes that passes set on a node, and that no model from outside may carry.
namespace fused {
inline constexpr std::string_view prefix = "troupe_";
inline constexpr std::string_view activation = "troupe_activation";  ///< its name; absent: none
inline constexpr std::string_view alpha = "troupe_alpha";
inline constexpr std::string_view beta = "troupe_beta";
/// 1: the node has operands that ONNX does not give it: a bias after two operands, a residual after three.
inline constexpr std::string_view operands = "troupe_fused";
inline constexpr std::size_t bias_operand = 2;
/// Of the output's shape; added before the activation.
inline constexpr std::size_t residual_operand = 3;
}  // namespace fused

/// What passes have moved into `step`; an error when its attributes name nothing that exists.
result<activation> activation_of(const node& step);
/// True when operands that ONNX does not know are allowed.
bool has_fused_operands(const node& step);

void set_activation(node& step, const activation& what);

/// The definition; a NaN stays one.
double apply(const activation& what, double x);

}  // namespace troupe
