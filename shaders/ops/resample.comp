#version 450
// Resize along one axis of a dense [outer, input, inner]; see resize.hpp. An invocation makes eight neighbours. Between
// two passes elements are floats.
#include "indexing.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint mode = 0;      // resize_mode of resize.hpp
layout(constant_id = 1) const uint rounding = 0;  // nearest_rounding
layout(constant_id = 2) const bool excludes_outside = false;
layout(constant_id = 3) const bool extrapolates = false;
layout(constant_id = 4) const bool from_floats = false;
layout(constant_id = 5) const bool to_floats = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_float_elements { float source_floats[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 1) writeonly buffer target_words_elements { WIDE target_words[]; };
layout(set = 0, binding = 1) writeonly buffer target_float_elements { float target_floats[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of the target
  uint inner, input_extent, output_extent;
  float shift, factor, divisor, offset, filter_scale;
  int first_tap;
  float a;  // of the cubic filter
  float extrapolation;
};

// Where position x of the result lies; in fp32, in the same order as on the host.
float place_of(uint x) {
  precise float shifted = float(x) + shift;
  precise float scaled = shifted * factor;
  precise float divided = scaled / divisor;
  precise float place = divided + offset;
  return place;
}

float fetch(uint base, int index) {
  const uint at = base + uint(clamp(index, 0, int(input_extent) - 1)) * inner;
  return from_floats ? source_floats[at] : widen(source[at]);
}

float weight_of(float distance) {
  const float x = abs(distance);
  if (mode == 1) return max(0.0, 1.0 - x);
  if (x <= 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
  return 0.0;
}

float element(uint i) {
  const uint base = i / (inner * output_extent) * (inner * input_extent) + i % inner;
  const float last = float(input_extent - 1);
  const float place = place_of(i / inner % output_extent);
  if (extrapolates && (place < 0.0 || place > last)) return extrapolation;
  // Far outside everything is the edge; clamped so that the index fits an integer.
  const float near = clamp(place, -2.0e9, 2.0e9);
  if (mode == 0) {
    float nearest = floor(near);
    const float rest = near - nearest;
    if (rounding == 0 && rest > 0.5) nearest += 1.0;
    if (rounding == 1 && rest >= 0.5) nearest += 1.0;
    if (rounding == 3 && rest > 0.0) nearest += 1.0;
    return fetch(base, int(clamp(nearest, 0.0, last)));
  }
  const float left = ceil(near) - 1.0;
  const float ratio = near - left;  // in (0, 1]
  const int center = int(clamp(left, -1.0e9, 1.0e9));
  float sum = 0.0;
  float weights = 0.0;
  for (int tap = first_tap; tap <= 1 - first_tap; ++tap) {
    const int index = center + tap;
    float weight = weight_of((float(tap) - ratio) * filter_scale);
    if (excludes_outside && (index < 0 || index >= int(input_extent))) weight = 0.0;
    weights += weight;
    sum += weight == 0.0 ? 0.0 : weight * fetch(base, index);
  }
  return sum / weights;
}

void main() {
  const uint block = global_index();
  const uint first = 8 * block;
  if (first >= count) return;
  const uint end = min(count, first + 8);
  if (to_floats) {
    for (uint i = first; i < end; ++i) target_floats[i] = element(i);
  } else if (count % 8 == 0) {
    float x[8];
    for (uint k = 0; k < 8; ++k) x[k] = element(first + k);
    store_eight(target_words, block, x);
  } else {
    for (uint i = first; i < end; ++i) target[i] = narrow(element(i));
  }
}
