// What the operators of the Reduce family make of many elements: f(join of g(x)). Numbered as reduction_function of
// reduction.hpp.
#ifndef TROUPE_REDUCTION_GLSL
#define TROUPE_REDUCTION_GLSL

#include "logarithm.glsl"

#define MEAN 0
#define SUM 1
#define MAXIMUM 2
#define MINIMUM 3
#define PRODUCT 4
#define SUM_OF_SIZES 5
#define ROOT_OF_SQUARES 6
#define SUM_OF_SQUARES 7
#define LOG_OF_SUM 8
#define LOG_OF_SUM_OF_EXPONENTIALS 9

layout(constant_id = 0) const uint reduction = MEAN;

// A NaN wins.
float larger(float a, float b) { return a > b || isnan(a) ? a : b; }
float smaller(float a, float b) { return a < b || isnan(a) ? a : b; }

float first_value() {
  if (reduction == MAXIMUM) return -INFINITY;
  if (reduction == MINIMUM) return INFINITY;
  return reduction == PRODUCT ? 1.0 : 0.0;
}

float join(float a, float b) {
  if (reduction == MAXIMUM) return larger(a, b);
  if (reduction == MINIMUM) return smaller(a, b);
  return reduction == PRODUCT ? a * b : a + b;
}

// What an exponent is taken relative to, so that none overflows.
float exponent_base(float peak) { return isinf(peak) ? 0.0 : peak; }

// An element as it enters the joining.
float enter(float x, float base) {
  if (reduction == SUM_OF_SIZES) return abs(x);
  if (reduction == ROOT_OF_SQUARES || reduction == SUM_OF_SQUARES) return x * x;
  return reduction == LOG_OF_SUM_OF_EXPONENTIALS ? exp(x - base) : x;
}

// The result from everything joined; `scale` is one over the number of elements.
float finish(float joined, float base, float scale) {
  if (reduction == MEAN) return joined * scale;
  if (reduction == ROOT_OF_SQUARES) return sqrt(joined);
  if (reduction == LOG_OF_SUM) return logarithm(joined);
  return reduction == LOG_OF_SUM_OF_EXPONENTIALS ? logarithm(joined) + base : joined;
}

#endif
