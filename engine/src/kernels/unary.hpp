// Functions of one value: which operator names which, and with what parameters. The reference, unary.comp and shape
// inference all start here.
#pragma once

#include <span>

#include "kernels/node_view.hpp"

namespace troupe {

/// Numbered as in unary.comp.
enum class unary_function : std::uint32_t {
  relu = 0,
  leaky_relu = 1,
  clip = 2,
  sigmoid = 3,
  tanh = 4,
  sqrt = 5,
  exp = 6,
  log = 7,
  neg = 8,
  abs = 9,
  reciprocal = 10,
  erf = 11,
  hard_sigmoid = 12,
  hard_swish = 13,
  elu = 14,
  selu = 15,
  softplus = 16,
  gelu = 17,
  gelu_tanh = 18,
  mish = 60,
  swish = 61,
  round_to_half = 19,  ///< no operator of its own: Cast to float16 under fp32 storage
  ceil = 24,
  floor = 25,
  round = 26,
  sign = 27,
  sin = 28,
  cos = 29,
  tan = 30,
  sinh = 31,
  cosh = 32,
  asin = 33,
  acos = 34,
  atan = 35,
  asinh = 36,
  acosh = 37,
  atanh = 38,
  celu = 39,
  thresholded_relu = 40,
  shrink = 41,
  softsign = 42,
  fake_quantize = 43,
};

struct unary_kind {
  std::string_view op;
  unary_function function;
  int since_version;
  bool takes_integers;
};

/// Nullptr for an operator that is not one of this family.
const unary_kind* find_unary(std::string_view op);

/// A function with its parameters. `a`, `b` and `c` are: LeakyRelu, Elu: the slope alpha; Clip: lower and upper bound;
/// Swish: the factor alpha within the sigmoid; HardSigmoid, HardSwish: slope and offset of the line; Selu: alpha and
/// gamma; Celu: alpha; ThresholdedRelu: the threshold; Shrink: half the width of the dead zone, and the bias;
/// FakeQuantizeLinear: the scale, and the range in which its multiples lie.
struct unary_call {
  unary_function function;
  double a = 0, b = 0, c = 0;
};

/// What a node of this family asks for, from its attributes and Clip's operands.
result<unary_call> read_unary(const node_view& view);

/// Adds the dispatch that computes output 0 from input 0.
result<void> add_unary(lowering_context& context, const unary_call& call);

}  // namespace troupe
