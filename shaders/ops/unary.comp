#version 450
// y = f(x), element by element. Specialization constant 0 chooses f; see unary.cpp.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint function = 0;

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;
  float a;  // LeakyRelu: slope; Clip: lower bound
  float b;  // Clip: upper bound
};

float apply(float x) {
  switch (function) {
    case 0: return x < 0.0 ? 0.0 : x;                              // Relu; keeps a NaN
    case 1: return x < 0.0 ? a * x : x;                            // LeakyRelu
    case 2: return x < a ? a : (x > b ? b : x);                    // Clip; keeps a NaN
    case 3: return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));  // Sigmoid; neither branch overflows
    // tanh() of some drivers overflows for large arguments; beyond 10 the result rounds to 1 in fp32.
    case 4: return tanh(clamp(x, -10.0, 10.0));
  }
  return x;
}

void main() {
  const uint i = global_index();
  if (i >= count) return;
  target[i] = narrow(apply(widen(source[i])));
}
