#version 450
// Nothing but fused multiply-adds: eight chains of four.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters { uint invocations, steps; };

void main() {
  const uint i = global_index();
  if (i >= invocations) return;
  const vec4 factor = vec4(0.999, 0.998, 0.997, 0.996) + widen(source[i]);
  vec4 chains[8];
  for (uint c = 0; c < 8; ++c) chains[c] = vec4(c);
  for (uint step = 0; step < steps; ++step) {
    chains[0] = fma(chains[0], factor, factor);
    chains[1] = fma(chains[1], factor, factor);
    chains[2] = fma(chains[2], factor, factor);
    chains[3] = fma(chains[3], factor, factor);
    chains[4] = fma(chains[4], factor, factor);
    chains[5] = fma(chains[5], factor, factor);
    chains[6] = fma(chains[6], factor, factor);
    chains[7] = fma(chains[7], factor, factor);
  }
  vec4 sum = vec4(0.0);
  for (uint c = 0; c < 8; ++c) sum += chains[c];
  target[i] = narrow(sum.x + sum.y + sum.z + sum.w);
}
