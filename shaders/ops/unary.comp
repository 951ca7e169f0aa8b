#version 450
// y = f(x), element by element. Specialization constant 0 chooses f; see unary.hpp.
#include "indexing.glsl"
#include "logarithm.glsl"
#include "precision.glsl"
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
  float c;
};

// GLSL leaves the functions below undefined or inaccurate for some arguments; these are the C library's.

float square_root(float x) { return x < 0.0 ? NOT_A_NUMBER : sqrt(x); }

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

// log(1 + x) for x >= 0, without cancellation: Kahan's correction of the rounding in 1 + x.
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

// The drivers' sine and cosine are only good near 0, and to 2^-11. Here the argument is reduced to [-pi/4, pi/4] with pi/2 in
// three parts (Cody and Waite); the polynomials are those of Cephes' sinf.c (S. Moshier). Up to 65504, the largest
// binary16, the error is a few units of the last place; beyond 2^20 it grows with the argument.
float sine_of_quarters(float x, uint offset) {
  if (isnan(x) || isinf(x)) return NOT_A_NUMBER;
  const float quarters = roundEven(x * 0.636619772);
  precise float reduced = x - quarters * 1.5703125;
  reduced -= quarters * 4.837512969970703125e-4;
  reduced -= quarters * 7.54978995489188e-8;
  const float s = reduced * reduced;
  const uint quadrant = uint(int(quarters)) + offset;
  const float value =
      (quadrant & 1u) == 0u
          ? reduced + reduced * s * (-1.6666654611e-1 + s * (8.3321608736e-3 - s * 1.9515295891e-4))
          : 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  return (quadrant & 2u) == 0u ? value : -value;
}

// Below 1 the Taylor series; beyond, halves of the exponent, so that nothing overflows before the result does.
float hyperbolic_sine(float x) {
  const float size = abs(x);
  if (size < 1.0) {
    const float s = x * x;
    return x * (1.0 + s / 6.0 * (1.0 + s / 20.0 * (1.0 + s / 42.0 * (1.0 + s / 72.0))));
  }
  const float half_way = exp(0.5 * size);
  const float value = 0.5 * half_way * half_way - 0.5 / half_way / half_way;
  return x < 0.0 ? -value : value;
}

float hyperbolic_cosine(float x) {
  const float half_way = exp(0.5 * abs(x));
  return 0.5 * half_way * half_way + 0.5 / half_way / half_way;
}

// Cephes' asinf.c for 0 <= x <= 0.5.
float arc_sine_near_zero(float x) {
  const float s = x * x;
  const float tail = 4.5470025998e-2 + s * (2.4181311049e-2 + s * 4.2163199048e-2);
  return x + x * s * (1.6666752422e-1 + s * (7.4953002686e-2 + s * tail));
}

float arc_sine(float x) {
  const float size = abs(x);
  if (!(size <= 1.0)) return NOT_A_NUMBER;
  const float value =
      size > 0.5 ? 1.57079632679 - 2.0 * arc_sine_near_zero(sqrt(0.5 - 0.5 * size)) : arc_sine_near_zero(size);
  return x < 0.0 ? -value : value;
}

float arc_cosine(float x) {
  const float size = abs(x);
  if (!(size <= 1.0)) return NOT_A_NUMBER;
  if (size <= 0.5) return 1.57079632679 - arc_sine(x);
  const float value = 2.0 * arc_sine_near_zero(sqrt(0.5 - 0.5 * size));
  return x < 0.0 ? 3.14159265359 - value : value;
}

// Cephes' atanf.c.
float arc_tangent(float x) {
  const float size = abs(x);
  const bool is_large = size > 2.414213562, is_middle = size > 0.414213562;
  const float base = is_large ? 1.57079632679 : (is_middle ? 0.785398163397 : 0.0);
  const float t = is_large ? -1.0 / size : (is_middle ? (size - 1.0) / (size + 1.0) : size);
  const float s = t * t;
  const float value =
      base + t + t * s * (-3.33329491539e-1 + s * (1.99777106478e-1 + s * (-1.38776856032e-1 + s * 8.05374449538e-2)));
  return x < 0.0 ? -value : value;
}

// Near 0 Taylor series; beyond 10^4 the 1 under the root is lost in rounding, and squares could overflow.
float inverse_hyperbolic_sine(float x) {
  const float size = abs(x), s = x * x;
  if (size < 0.125) return x * (1.0 + s * (-1.0 / 6.0 + s * (3.0 / 40.0 - s * (15.0 / 336.0))));
  const float value =
      size > 1e4 ? logarithm(size) + 0.69314718 : log_plus_one(size + s / (1.0 + sqrt(1.0 + s)));
  return x < 0.0 ? -value : (isnan(x) ? x : value);
}

float inverse_hyperbolic_cosine(float x) {
  if (!(x >= 1.0)) return NOT_A_NUMBER;
  const float above = x - 1.0;
  return x > 1e4 ? logarithm(x) + 0.69314718 : log_plus_one(above + sqrt(above * (2.0 + above)));
}

float inverse_hyperbolic_tangent(float x) {
  const float size = abs(x), s = x * x;
  if (!(size <= 1.0)) return NOT_A_NUMBER;
  if (size < 0.125) return x * (1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s / 7.0)));
  const float value = size == 1.0 ? INFINITY : 0.5 * log_plus_one(2.0 * size / (1.0 - size));
  return x < 0.0 ? -value : value;
}

// The multiple of the scale `a` nearest to x (ties to even) that is at least b and at most c scales. A NaN becomes 0.
float fake_quantize(float x) {
  const float steps = roundEven(x / a);
  return isnan(steps) ? 0.0 : clamp(steps, b, c) * a;
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
    case 24: return ceil(x);
    case 25: return floor(x);
    case 26: return roundEven(x);
    case 27: return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : x);
    case 28: return sine_of_quarters(x, 0);
    case 29: return sine_of_quarters(x, 1);
    case 30: return sine_of_quarters(x, 0) / sine_of_quarters(x, 1);
    case 31: return hyperbolic_sine(x);
    case 32: return hyperbolic_cosine(x);
    case 33: return arc_sine(x);
    case 34: return arc_cosine(x);
    case 35: return arc_tangent(x);
    case 36: return inverse_hyperbolic_sine(x);
    case 37: return inverse_hyperbolic_cosine(x);
    case 38: return inverse_hyperbolic_tangent(x);
    case 39: return x < 0.0 ? a * exp_minus_one(x / a) : x;
    case 40: return x <= a ? 0.0 : x;
    case 41: return x < -a ? x + b : (x > a ? x - b : (isnan(x) ? x : 0.0));
    case 43: return fake_quantize(x);
    case 42: return x / (1.0 + abs(x));
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
