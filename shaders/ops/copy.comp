#version 450
// Copies elements from strided places to strided places, bit for bit: Transpose, Slice, Expand, Concat, Split.
#include "indexing.glsl"
#include "precision.glsl"
#include "strided.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED_BITS source[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED_BITS target[]; };

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint from, to;
  locate(i, from, to);
  target[to] = source[from];
}
