#version 450
// Joins what the splits of cached_attention.comp made, first to last; an invocation for each element.
#include "cached_attention.glsl"
#include "indexing.glsl"
#include "precision.glsl"
#include "special_values.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer sum_elements { float sums[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

void main() {
  const uint head_size = head_words * 8;
  const uint index = global_index();
  if (index >= rows * heads * head_size) return;
  const uint item = index / head_size, d = index % head_size;
  const uint stride = head_size + 2;
  float largest = -INFINITY;
  for (uint split = 0; split < splits; ++split) largest = max(largest, sums[(item * splits + split) * stride]);
  float sum = 0.0, made = 0.0;
  for (uint split = 0; split < splits; ++split) {
    const uint base = (item * splits + split) * stride;
    if (sums[base] == -INFINITY) continue;
    const float factor = rescaled(sums[base], largest);
    sum = fma(sums[base + 1], factor, sum);
    made = fma(sums[base + 2 + d], factor, made);
  }
  target[index] = narrow(sum > 0.0 ? made / sum : 0.0);
}
