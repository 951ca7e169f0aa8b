#version 450
// Sums of products of two operands (or of one) over some of their axes: an invocation makes one element. The axes that
// are kept come first, then those that are summed over.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_second = true;

layout(set = 0, binding = 0) readonly buffer first_elements { STORED first[]; };
layout(set = 0, binding = 1) readonly buffer second_elements { STORED second[]; };
layout(set = 0, binding = 2) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count, terms, kept, summed;
  uint extents[8], first_strides[8], second_strides[8];
};

// Adds to both places what index `index` over the axes [begin, end) means.
void locate(uint index, uint begin, uint end, inout uint first_place, inout uint second_place) {
  for (uint axis = end; axis-- > begin;) {
    const uint at = index % extents[axis];
    index /= extents[axis];
    first_place += at * first_strides[axis];
    second_place += at * second_strides[axis];
  }
}

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint first_base = 0, second_base = 0;
  locate(i, 0, kept, first_base, second_base);
  // The innermost summed axis is walked by steps; only when it ends the others are counted anew.
  const uint last = kept + summed - 1;
  const uint run = summed > 0 ? extents[last] : 1;
  float sum = 0.0;
  uint a = first_base, b = second_base, left = 0;
  for (uint term = 0; term < terms; ++term) {
    if (left == 0) {
      a = first_base;
      b = second_base;
      if (summed > 0) locate(term, kept, kept + summed, a, b);
      left = run;
    }
    const float x = widen(first[a]);
    sum = has_second ? fma(x, widen(second[b]), sum) : sum + x;
    if (summed > 0) {
      a += first_strides[last];
      b += second_strides[last];
    }
    --left;
  }
  target[i] = narrow(sum);
}
