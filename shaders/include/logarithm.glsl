// The natural logarithm as the C library has it; GLSL leaves it undefined for some arguments.
#ifndef TROUPE_LOGARITHM_GLSL
#define TROUPE_LOGARITHM_GLSL

#include "special_values.glsl"

float logarithm(float x) {
  if (isnan(x) || x < 0.0) return NOT_A_NUMBER;
  if (x == 0.0) return -INFINITY;
  return isinf(x) ? x : log(x);
}

#endif
