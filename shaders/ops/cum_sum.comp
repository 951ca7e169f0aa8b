#version 450
// Running sums along one axis. Each invocation writes one chunk, after the totals of the chunks before it.
#include "cum_sum.glsl"
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer total_elements { float totals[]; };
layout(set = 0, binding = 2) writeonly buffer target_elements { STORED target[]; };

void main() {
  const uint i = global_index();
  if (i >= lines * chunks) return;
  const uint line = i / chunks;
  const uint chunk = i - line * chunks;
  float sum = 0.0;
  for (uint before = 0; before < chunk; ++before) sum += totals[line * chunks + before];
  const uint begin = chunk * chunk_length;
  const uint end = min(length, begin + chunk_length);
  for (uint k = begin; k < end; ++k) {
    const uint at = place(line, k);
    const float x = widen(source[at]);
    target[at] = narrow(exclusive == 1 ? sum : sum + x);
    sum += x;
  }
}
