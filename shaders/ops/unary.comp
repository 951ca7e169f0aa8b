#version 450
// y = f(x), element by element. Specialization constant 0 chooses f; see unary.hpp.
#include "indexing.glsl"
#include "precision.glsl"
#include "special_values.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint function = 0;
layout(constant_id = 1) const uint has_tail = 1;  // 0: `count` is a multiple of 8

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_words_buffer { WIDE source_words[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED target[]; };
layout(set = 0, binding = 1) writeonly buffer target_words_buffer { WIDE target_words[]; };

layout(push_constant) uniform parameters {
  uint count;
  float a;  // see unary.hpp
  float b;
};

// GLSL leaves the functions below undefined or inaccurate for some arguments; these are the C library's.

float square_root(float x) { return x < 0.0 ? NOT_A_NUMBER : sqrt(x); }

float logarithm(float x) {
  if (isnan(x) || x < 0.0) return NOT_A_NUMBER;
  if (x == 0.0) return -INFINITY;
  return isinf(x) ? x : log(x);
}

// tanh() of some drivers overflows for large arguments, or loses a NaN; beyond 10 the result rounds to 1 in fp32.
float hyperbolic_tangent(float x) {
  if (isnan(x)) return x;
  return abs(x) > 10.0 ? sign(x) : tanh(x);
}

// Neither branch overflows.
float sigmoid(float x) { return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x)); }

// exp(x) - 1 without cancellation: the Taylor series near 0 (next term below 2^-24 of the result).
float exp_minus_one(float x) {
  if (abs(x) > 0.25) return exp(x) - 1.0;
  return x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0)))));
}

// log(1 + x) for x in [0, 1], without cancellation: Kahan's correction of the rounding in 1 + x.
float log_plus_one(float x) {
  precise float sum = 1.0 + x;
  precise float kept = sum - 1.0;
  return kept == 0.0 ? x : log(sum) * (x / kept);
}

// Near 0 the Taylor series; beyond, Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
float error_function(float x) {
  const float size = abs(x);
  if (size < 0.5) {
    const float s = x * x;
    return x * 1.1283791671 *
           (1.0 + s * (-1.0 / 3.0 + s * (1.0 / 10.0 + s * (-1.0 / 42.0 + s * (1.0 / 216.0 + s * (-1.0 / 1320.0))))));
  }
  const float t = 1.0 / (1.0 + 0.3275911 * size);
  const float tail =
      t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * exp(-x * x);
  return x < 0.0 ? tail - 1.0 : 1.0 - tail;
}

// The value of the binary16 nearest to x (ties to even), infinity beyond its range.
float round_to_half(float x) {
  if (isnan(x) || isinf(x)) return x;
  const uint bits = floatBitsToUint(abs(x));
  // Below 2^-14 the step of binary16 is 2^-24: that of fp32 between 0.5 and 1, where the addition does the rounding.
  precise float shifted = abs(x) + 0.5;
  precise float small = shifted - 0.5;
  const float rounded =
      bits < 0x38800000u ? small : uintBitsToFloat((bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u);
  const float magnitude = rounded > 65504.0 ? INFINITY : rounded;
  return uintBitsToFloat(floatBitsToUint(magnitude) | (floatBitsToUint(x) & 0x80000000u));
}

// Every comparison is written so that a NaN stays one.
float apply(float x) {
  switch (function) {
    case 0: return x < 0.0 ? 0.0 : x;    // Relu
    case 1: return x < 0.0 ? a * x : x;  // LeakyRelu
    case 2: {                            // Clip: the upper bound wins when the bounds cross
      const float raised = x < a ? a : x;
      return raised > b ? b : raised;
    }
    case 3: return sigmoid(x);
    case 4: return hyperbolic_tangent(x);
    case 5: return square_root(x);
    case 6: return exp(x);
    case 7: return logarithm(x);
    case 8: return -x;
    case 9: return abs(x);
    case 10: return 1.0 / x;
    case 11: return error_function(x);
    case 12:  // HardSigmoid
    case 13: {
      const float line = a * x + b;
      const float gate = line < 0.0 ? 0.0 : (line > 1.0 ? 1.0 : line);
      return function == 13 ? x * gate : gate;  // 13: HardSwish
    }
    case 14: return x < 0.0 ? a * exp_minus_one(x) : x;        // Elu
    case 15: return b * (x < 0.0 ? a * exp_minus_one(x) : x);  // Selu
    case 16: return (x < 0.0 ? 0.0 : x) + log_plus_one(exp(-abs(x)));  // Softplus
    case 17: return 0.5 * x * (1.0 + error_function(0.70710678 * x));  // Gelu
    case 18: return 0.5 * x * (1.0 + hyperbolic_tangent(0.79788456 * (x + 0.044715 * x * x * x)));  // Gelu, "tanh"
    case 19: return round_to_half(x);
    case 60: return x * hyperbolic_tangent((x < 0.0 ? 0.0 : x) + log_plus_one(exp(-abs(x))));  // Mish
    case 61: return x * sigmoid(a * x);  // Swish
  }
  return x;
}

// Each invocation makes eight neighbours; the last one what is left.
void main() {
  const uint block = global_index();
  const uint first = 8 * block;
  if (first >= count) return;
  if (has_tail == 0 || first + 8 <= count) {
    const float x[8] = load_eight(source_words, block);
    const float y[8] = float[8](apply(x[0]), apply(x[1]), apply(x[2]), apply(x[3]), apply(x[4]), apply(x[5]),
                                apply(x[6]), apply(x[7]));
    store_eight(target_words, block, y);
    return;
  }
  for (uint i = first; i < count; ++i) target[i] = narrow(apply(widen(source[i])));
}
