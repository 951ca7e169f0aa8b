#version 450
// States of recurrent layers between the storage type, [direction, row, unit] or [row, direction, unit], and the floats
// [direction, row, unit] that they are while a sequence runs.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint way = 0;  // 0: storage to floats; 1: floats to storage
layout(constant_id = 1) const bool given = true;  // false: the states are 0

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_float_elements { float source_floats[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 1) writeonly buffer target_float_elements { float target_floats[]; };

layout(push_constant) uniform parameters {
  uint count;
  uint batch, hidden, directions;
  uint batch_first;
  uint first;  // where the floats begin
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint unit = i % hidden;
  const uint row = i / hidden % batch;
  const uint direction = i / hidden / batch;
  const uint stored = batch_first != 0 ? (row * directions + direction) * hidden + unit : i;
  if (way == 0) {
    target_floats[first + i] = given ? widen(source[stored]) : 0.0;
  } else {
    target[stored] = narrow(source_floats[first + i]);
  }
}
