#version 450
// c = f(a, b), element by element, with a and b broadcast. Specialization constant 0 chooses f; see binary.hpp.
#include "indexing.glsl"
#include "precision.glsl"
#include "special_values.glsl"
#include "strided.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint function = 0;
// What a place of the walk holds of each operand: lane_form of strided.hpp.
layout(constant_id = 1) const uint first_form = SINGLE;
layout(constant_id = 2) const uint second_form = SINGLE;
layout(constant_id = 3) const uint operands = 2;  // of a Mean

layout(set = 0, binding = 0) readonly buffer first_buffer { STORED first_operand[]; };
layout(set = 0, binding = 0) readonly buffer first_words_buffer { WIDE first_words[]; };
layout(set = 0, binding = 1) readonly buffer second_buffer { STORED second_operand[]; };
layout(set = 0, binding = 1) readonly buffer second_words_buffer { WIDE second_words[]; };
layout(set = 0, binding = 2) writeonly buffer target_buffer { STORED target[]; };
layout(set = 0, binding = 2) writeonly buffer target_words_buffer { WIDE target_words[]; };

// pow() of GLSL is undefined for a negative base and for 0 to a power <= 0; this one is C's.
float power(float x, float y) {
  if (y == 2.0) return x * x;
  if (y == 3.0) return x * x * x;
  if (y == 0.0 || x == 1.0) return 1.0;
  if (isnan(x) || isnan(y)) return NOT_A_NUMBER;
  if (isinf(y)) return abs(x) == 1.0 ? 1.0 : ((abs(x) > 1.0) == (y > 0.0) ? INFINITY : 0.0);
  const bool is_integer = floor(y) == y;
  const bool is_odd = is_integer && abs(y) < 16777216.0 && (int(y) & 1) != 0;
  const bool is_negative = floatBitsToUint(x) >= 0x80000000u;
  float magnitude;
  if (x == 0.0 || isinf(x)) {
    magnitude = (x == 0.0) == (y > 0.0) ? 0.0 : INFINITY;
  } else {
    if (is_negative && !is_integer) return NOT_A_NUMBER;
    magnitude = exp2(y * log2(abs(x)));
  }
  return is_negative && is_odd ? -magnitude : magnitude;
}

float apply(float a, float b) {
  switch (function) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return power(a, b);
    case 5: return a < 0.0 ? a * b : a;           // PRelu
    case 6: return a < b || isnan(a) ? a : b;     // Min; a NaN wins
    case 7: return a > b || isnan(a) ? a : b;     // Max; a NaN wins
    case 8: return (a + b) / float(operands);     // Mean, its last step
  }
  return a;
}

float[8] repeat(float x) { return float[8](x, x, x, x, x, x, x, x); }

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint a, b;
  locate(i, a, b);
  if (first_form == SINGLE) {
    target[i] = narrow(apply(widen(first_operand[a]), widen(second_operand[b])));
    return;
  }
  float x[8];
  float y[8];
  if (first_form == EIGHT) {
    x = load_eight(first_words, a);
  } else {
    x = repeat(widen(first_operand[a]));
  }
  if (second_form == EIGHT) {
    y = load_eight(second_words, b);
  } else {
    y = repeat(widen(second_operand[b]));
  }
  const float z[8] = float[8](apply(x[0], y[0]), apply(x[1], y[1]), apply(x[2], y[2]), apply(x[3], y[3]),
                              apply(x[4], y[4]), apply(x[5], y[5]), apply(x[6], y[6]), apply(x[7], y[7]));
  store_eight(target_words, i, z);
}
