// The functions that gates of recurrent layers go through; numbered as gate_function of recurrent.hpp.
#ifndef TROUPE_GATE_FUNCTIONS_GLSL
#define TROUPE_GATE_FUNCTIONS_GLSL

float logistic(float x) { return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x)); }

// tanh() of some drivers overflows for large arguments; beyond 10 the result rounds to 1 in fp32.
float bounded_tanh(float x) { return abs(x) > 10.0 ? sign(x) : tanh(x); }

float gate(uint function, float x, float alpha, float beta) {
  switch (function) {
    case 0: return max(x, 0.0);
    case 1: return bounded_tanh(x);
    case 2: return logistic(x);
    case 3: return alpha * x + beta;
    case 4: return x < 0.0 ? alpha * x : x;
    case 5: return x > alpha ? x : 0.0;
    case 6: return alpha * bounded_tanh(beta * x);
    case 7: return clamp(alpha * x + beta, 0.0, 1.0);
    case 8: return x < 0.0 ? alpha * (exp(x) - 1.0) : x;
    case 9: return x / (1.0 + abs(x));
    case 10: return max(x, 0.0) + log(1.0 + exp(-abs(x)));
  }
  return x;
}

#endif
