#version 450
// Some axes of an operand become one element: mean, sum, maximum and their like. The host has merged axes that step
// evenly: up to four kept and four reduced ones are left, the outermost first. A workgroup shares a long reduction and
// joins 64 partial results by a fixed tree; a short one is one invocation's. Very long ones are cut into slices, joined by
// reduce_slices.comp.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "precision.glsl"
#include "reduce.glsl"
#include "reduction.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 1) const bool cooperative = false;
layout(constant_id = 2) const bool one_axis = false;  // the reduced elements step evenly
layout(constant_id = 3) const bool sliced = false;    // write fp32 results of slices to `partial` and no more

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 1) writeonly buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint count;   // elements of the target
  uint length;  // elements that become one
  uint slice_length;
  float scale;  // one over the length
  uint kept_extents[4], kept_strides[4];
  uint reduced_extents[4], reduced_strides[4];
};

TROUPE_REDUCE(group_join, join)
TROUPE_REDUCE(group_larger, larger)

uint reduced_offset(uint index) {
  if (one_axis) return index * reduced_strides[3];
  uint offset = 0;
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    const uint axis = 3 - j;
    offset += index % reduced_extents[axis] * reduced_strides[axis];
    index /= reduced_extents[axis];
  }
  return offset;
}

void main() {
  const uint i = cooperative ? group_index() : global_index();
  if (i >= count) return;
  uint first = 0;
  uint rest = i;
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    const uint axis = 3 - j;
    first += rest % kept_extents[axis] * kept_strides[axis];
    rest /= kept_extents[axis];
  }
  const uint slice = gl_WorkGroupID.z;
  const uint begin = slice * slice_length + (cooperative ? gl_LocalInvocationID.x : 0);
  const uint end = min(length, (slice + 1) * slice_length);
  const uint stride = cooperative ? 64 : 1;
  float base = 0.0;
  if (reduction == LOG_OF_SUM_OF_EXPONENTIALS) {
    float peak = -INFINITY;
    for (uint k = begin; k < end; k += stride) peak = larger(peak, widen(source[first + reduced_offset(k)]));
    if (cooperative) peak = group_larger(peak);
    base = exponent_base(peak);
  }
  float joined = first_value();
  for (uint k = begin; k < end; k += stride) joined = join(joined, enter(widen(source[first + reduced_offset(k)]), base));
  if (cooperative) {
    joined = group_join(joined);
    if (gl_LocalInvocationID.x != 0) return;
  }
  if (sliced)
    // A sum of exponentials is only finite relative to its base: slices hand on its logarithm.
    partial[slice * count + i] = reduction == LOG_OF_SUM_OF_EXPONENTIALS ? finish(joined, base, scale) : joined;
  else
    target[i] = narrow(finish(joined, base, scale));
}
