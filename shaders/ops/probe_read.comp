#version 450
// Reads a buffer once, as fast as it goes: neighbours in a workgroup read neighbouring words.
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_words { WIDE words[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters { uint word_count, invocations, rounds; };

void main() {
  const uint i = global_index();
  if (i >= invocations) return;
  WIDE sum = WIDE(0);
  for (uint round = 0; round < rounds; ++round) sum += words[min(i + round * invocations, word_count - 1)];
  target[i] = narrow(float(sum.x + sum.y + sum.z + sum.w));
}
