#version 450
// Rows [outer, length, inner] along the middle axis: exp(x - max) / sum of the same, or its logarithm. Sums are fp32. A workgroup shares a
// long row and joins 64 partial results by a fixed tree; a short row is one invocation's.
#include "indexing.glsl"
#include "precision.glsl"
#include "reduce.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool cooperative = false;
layout(constant_id = 1) const bool logarithm = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters { uint rows, length, inner; };

void main() {
  const uint row = cooperative ? group_index() : global_index();
  if (row >= rows) return;
  const uint base = row / inner * length * inner + row % inner;
  const uint first = cooperative ? gl_LocalInvocationID.x : 0;
  const uint step = cooperative ? 64 : 1;

  float largest = negative_infinity;
  for (uint i = first; i < length; i += step) largest = max(largest, widen(source[base + i * inner]));
  if (cooperative) largest = group_maximum(largest);

  float sum = 0.0;
  for (uint i = first; i < length; i += step) sum += exp(widen(source[base + i * inner]) - largest);
  if (cooperative) sum = group_sum(sum);

  const float log_sum = log(sum);
  for (uint i = first; i < length; i += step) {
    const float x = widen(source[base + i * inner]) - largest;
    target[base + i * inner] = narrow(logarithm ? x - log_sum : exp(x) / sum);
  }
}
