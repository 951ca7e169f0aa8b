#version 450
// The mean over some axes. The host has merged axes that step evenly: up to four kept and four reduced ones are left, the
// outermost first. A workgroup shares a long reduction and joins 64 partial sums by a fixed tree; a short one is one
// invocation's. Very long ones are cut into slices, summed by combine_slices.comp.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "precision.glsl"
#include "reduce.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool cooperative = false;
layout(constant_id = 1) const bool one_axis = false;  // the reduced elements step evenly
layout(constant_id = 2) const bool sliced = false;    // write fp32 sums of slices to `partial` and no more

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
  uint base = 0;
  uint rest = i;
  [[unroll]] for (uint j = 0; j < 4; ++j) {
    const uint axis = 3 - j;
    base += rest % kept_extents[axis] * kept_strides[axis];
    rest /= kept_extents[axis];
  }
  const uint slice = gl_WorkGroupID.z;
  const uint begin = slice * slice_length;
  const uint end = min(length, begin + slice_length);
  float sum = 0.0;
  if (cooperative) {
    for (uint k = begin + gl_LocalInvocationID.x; k < end; k += 64) sum += widen(source[base + reduced_offset(k)]);
    sum = group_sum(sum);
    if (gl_LocalInvocationID.x != 0) return;
  } else {
    for (uint k = begin; k < end; ++k) sum += widen(source[base + reduced_offset(k)]);
  }
  if (sliced)
    partial[slice * count + i] = sum;
  else
    target[i] = narrow(sum * scale);
}
