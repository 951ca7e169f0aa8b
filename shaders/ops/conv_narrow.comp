#version 450
// Convolution with few output channels in a group: one invocation computes one channel of 4 positions,
// over the weights as the model has them. Order of the sum and slices as in conv_tile.glsl.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "precision.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_bias = false;
layout(constant_id = 1) const bool sliced = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer weight_elements { STORED weights[]; };
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
  const uint channels = groups * group_outputs;
  const uint i = global_index();
  const uint plane = i / tiles;
  if (plane >= batch * channels) return;
  const uint channel = plane % channels;

  // Eight neighbouring invocations take eight neighbouring positions, four times.
  const uint position0 = i % tiles / 8 * 32 + i % 8;
  ivec3 origin[4];
  [[unroll]] for (uint v = 0; v < 4; ++v) origin[v] = window_origin(int(min(position0 + 8 * v, out_plane - 1)));
  const uint source_base = plane / group_outputs * group_inputs * in_plane;

  const uint taps = uint(kernel_z * kernel_y * kernel_x);
  const uint length = taps * group_inputs;
  uint step = gl_WorkGroupID.z * slice_length;
  const uint end = min(length, step + slice_length);
  float sums[4] = {0.0, 0.0, 0.0, 0.0};
  while (step < end) {
    const uint tap = step / group_inputs;
    const uint first = step % group_inputs;
    const uint run = min(group_inputs - first, end - step);
    const ivec3 offset = tap_offset(int(tap));
    bool inside[4];
    uint at[4];
    [[unroll]] for (uint v = 0; v < 4; ++v) {
      const ivec3 from = origin[v] + offset;
      inside[v] = is_inside(from);
      at[v] = source_base + (inside[v] ? plane_index(from) : 0);
    }
    for (uint c = first; c < first + run; ++c) {
      const float weight = widen(weights[(channel * group_inputs + c) * taps + tap]);
      [[unroll]] for (uint v = 0; v < 4; ++v) {
        const float element = widen(source[at[v] + c * in_plane]);
        sums[v] = fma(weight, inside[v] ? element : 0.0, sums[v]);
      }
    }
    step += run;
  }

  [[unroll]] for (uint v = 0; v < 4; ++v) {
    const uint position = position0 + 8 * v;
    if (position >= out_plane) continue;
    const uint element = plane * out_plane + position;
    if (sliced) {
      partial[gl_WorkGroupID.z * (batch * channels * out_plane) + element] = sums[v];
    } else {
      target[element] = narrow(has_bias ? sums[v] + widen(bias[channel]) : sums[v]);
    }
  }
}
