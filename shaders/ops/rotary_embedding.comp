#version 450
// Pairs of elements of each head are turned by the angle of their position, whose cosines and sines are operands.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool interleaved = false;
layout(constant_id = 1) const bool chosen_positions = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer cosine_elements { STORED cosines[]; };
layout(set = 0, binding = 2) readonly buffer sine_elements { STORED sines[]; };
layout(set = 0, binding = 3) readonly buffer position_elements { int chosen[]; };
layout(set = 0, binding = 4) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;
  uint heads, positions, head_size, rotated;
  uint image_stride, head_stride, position_stride;
  uint table_rows;
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint d = i % head_size;
  const uint position = i / head_size % positions;
  const uint head = i / head_size / positions % heads;
  const uint image = i / head_size / positions / heads;
  const uint base = image * image_stride + head * head_stride + position * position_stride;
  const float x = widen(source[base + d]);
  if (d >= rotated) {
    target[base + d] = narrow(x);
    return;
  }
  const uint pairs = rotated / 2;
  const uint pair = interleaved ? d / 2 : d % pairs;
  const bool first = interleaved ? d % 2 == 0 : d < pairs;
  const uint step = interleaved ? 1 : pairs;
  const float other = widen(source[base + (first ? d + step : d - step)]);
  uint row = image * positions + position;
  // A position that the tables lack is an error where the host knows it; here memory of others is never read.
  if (chosen_positions) row = uint(clamp(chosen[row], 0, int(table_rows) - 1));
  const float cosine = widen(cosines[row * pairs + pair]);
  const float sine = widen(sines[row * pairs + pair]);
  target[base + d] = narrow(first ? x * cosine - other * sine : other * sine + x * cosine);
}
