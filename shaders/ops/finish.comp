#version 450
// y = activation(x + residual), element by element: what follows a sum that was stored without it.
#include "activation.glsl"
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_residual = false;
layout(constant_id = 1) const uint activation = 0;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer residual_elements { STORED residual[]; };
layout(set = 0, binding = 2) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;
  float activation_a, activation_b;
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  float x = widen(source[i]);
  if (has_residual) x += widen(residual[i]);
  target[i] = narrow(activate(activation, activation_a, activation_b, x));
}
