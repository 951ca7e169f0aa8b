// What a kernel does to a sum before it stores it; activation.hpp has the numbers and the meaning of a and b. `kind` is a
// specialization constant, so that only one branch is compiled. Every comparison is written so that a NaN stays one.
#ifndef TROUPE_ACTIVATION_GLSL
#define TROUPE_ACTIVATION_GLSL

// tanh() of some drivers overflows for large arguments, or loses a NaN; beyond 10 the result rounds to 1 in fp32.
float activation_tanh(float x) {
  if (isnan(x)) return x;
  return abs(x) > 10.0 ? sign(x) : tanh(x);
}

// Neither branch overflows.
float activation_sigmoid(float x) { return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x)); }

// Near 0 the Taylor series; beyond, Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
float activation_erf(float x) {
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

float activate(uint kind, float a, float b, float x) {
  switch (kind) {
    case 1: return x < 0.0 ? 0.0 : x;    // Relu
    case 2: return x < 0.0 ? a * x : x;  // LeakyRelu
    case 3: {                            // Clip: the upper bound wins when the bounds cross
      const float raised = x < a ? a : x;
      return raised > b ? b : raised;
    }
    case 4: return activation_sigmoid(x);
    case 5: return activation_tanh(x);
    case 6:  // HardSigmoid
    case 7: {
      const float line = a * x + b;
      const float gate = line < 0.0 ? 0.0 : (line > 1.0 ? 1.0 : line);
      return kind == 7 ? x * gate : gate;  // 7: HardSwish
    }
    case 8: return x * activation_sigmoid(a * x);                    // Swish
    case 9: return 0.5 * x * (1.0 + activation_erf(0.70710678 * x));  // Gelu
    case 10: return 0.5 * x * (1.0 + activation_tanh(0.79788456 * (x + 0.044715 * x * x * x)));  // Gelu, "tanh"
  }
  return x;
}

#endif
