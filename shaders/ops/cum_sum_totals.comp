#version 450
// The sum of each chunk of each line, for cum_sum.comp.
#include "cum_sum.glsl"
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer total_elements { float totals[]; };

void main() {
  const uint i = global_index();
  if (i >= lines * chunks) return;
  const uint line = i / chunks;
  const uint begin = (i - line * chunks) * chunk_length;
  const uint end = min(length, begin + chunk_length);
  float sum = 0.0;
  if (chunks > 1)  // otherwise nobody needs it
    for (uint k = begin; k < end; ++k) sum += widen(source[place(line, k)]);
  totals[i] = sum;
}
