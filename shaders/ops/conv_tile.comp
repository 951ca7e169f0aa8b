#version 450
// Convolution with several output channels in a group: one invocation computes 8 channels of 4 positions, over weights
// packed by conv_weights.comp. Every element is one chain of fused multiply-adds over taps, then channels: its bits
// depend on nothing but its own operands. Padding adds zeros. Slices as in gemm.glsl.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_bias = false;
layout(constant_id = 1) const bool sliced = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { WIDE weights[]; };
layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) writeonly buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint batch, groups, group_inputs, group_outputs, slice_length;
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint tiles = (out_plane + 31) / 32 * 8;  // invocations for one plane
  const uint blocks = (group_outputs + 7) / 8;
  const uint i = global_index();
  const uint block = i / tiles % (groups * blocks);  // of all groups
  const uint image = i / tiles / (groups * blocks);
  if (image >= batch) return;
  const uint group = block / blocks;

  // Eight neighbouring invocations take eight neighbouring positions, four times.
  const uint position0 = i % tiles / 8 * 32 + i % 8;
  ivec3 origin[4];
  [[unroll]] for (uint v = 0; v < 4; ++v) origin[v] = window_origin(int(min(position0 + 8 * v, out_plane - 1)));
  const uint source_base = (image * groups + group) * group_inputs * in_plane;

  float sums[8][4];
  [[unroll]] for (uint j = 0; j < 8; ++j)
    [[unroll]] for (uint v = 0; v < 4; ++v) sums[j][v] = 0.0;

  const uint length = uint(kernel_z * kernel_y * kernel_x) * group_inputs;
  uint step = gl_WorkGroupID.z * slice_length;
  const uint end = min(length, step + slice_length);
  while (step < end) {
    const uint tap = step / group_inputs;
    const uint channel = step % group_inputs;
    const uint run = min(group_inputs - channel, end - step);
    const ivec3 offset = tap_offset(int(tap));
    bool inside[4];
    uint at[4];
    [[unroll]] for (uint v = 0; v < 4; ++v) {
      const ivec3 from = origin[v] + offset;
      inside[v] = is_inside(from);
      at[v] = source_base + channel * in_plane + (inside[v] ? plane_index(from) : 0);
    }
    for (uint c = 0; c < run; ++c) {
      const float w[8] = load_eight(weights, block * length + step + c);
      [[unroll]] for (uint v = 0; v < 4; ++v) {
        const float element = widen(source[at[v] + c * in_plane]);
        const float x = inside[v] ? element : 0.0;
        [[unroll]] for (uint j = 0; j < 8; ++j) sums[j][v] = fma(w[j], x, sums[j][v]);
      }
    }
    step += run;
  }

  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint channel = block % blocks * 8 + j;
    if (channel >= group_outputs) continue;
    const uint plane = image * groups * group_outputs + group * group_outputs + channel;
    [[unroll]] for (uint v = 0; v < 4; ++v) {
      const uint position = position0 + 8 * v;
      if (position >= out_plane) continue;
      const uint element = plane * out_plane + position;
      if (sliced) {
        partial[gl_WorkGroupID.z * (batch * groups * group_outputs * out_plane) + element] = sums[j][v];
      } else {
        target[element] = narrow(has_bias ? sums[j][v] + widen(bias[group * group_outputs + channel]) : sums[j][v]);
      }
    }
  }
}
