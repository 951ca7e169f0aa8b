// Convolution with several output channels in a group: an invocation computes 16 channels of 4 positions, over an input and
// weights in blocks of 8 channels (conv_input.comp, conv_weights.comp). Every element is one chain of fused
// multiply-adds over taps, then channels: its bits depend on nothing but its own operands. Padding adds zeros. Slices as
// in gemm.glsl. SHARES_ROWS: see subgroup_rows.glsl; the rows are the weights of the 16 channels.
#extension GL_EXT_control_flow_attributes : require
#define TILE_ROWS 16
#include "indexing.glsl"
#include "subgroup_rows.glsl"
#include "vectors.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_bias = false;
layout(constant_id = 1) const bool sliced = false;

layout(set = 0, binding = 0) readonly buffer source_words { WIDE source[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { WIDE weights[]; };
layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) writeonly buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint batch, groups, group_inputs, group_outputs;
  uint slice_length;  // in channels, a multiple of 8
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint tiles = (out_plane + 31) / 32 * 8;  // invocations for one plane
  const uint output_tiles = (group_outputs + 15) / 16;
  const uint i = global_index();
  const uint output_tile = i / tiles % (groups * output_tiles);  // of all groups
  const uint image = i / tiles / (groups * output_tiles);
  if (image >= batch) return;
  const uint group = output_tile / output_tiles;

  // Eight neighbouring invocations take eight neighbouring positions, four times.
  const uint position0 = i % tiles / 8 * 32 + i % 8;
  ivec3 origin[4];
  [[unroll]] for (uint v = 0; v < 4; ++v) origin[v] = window_origin(int(min(position0 + 8 * v, out_plane - 1)));

  const uint blocks = (group_inputs + 7) / 8;
  const uint steps = uint(kernel_z * kernel_y * kernel_x) * blocks;  // eight channels of one tap each
  const uint source_base = (image * groups + group) * blocks * in_plane;

  float sums[16][4];
  [[unroll]] for (uint r = 0; r < 16; ++r)
    [[unroll]] for (uint v = 0; v < 4; ++v) sums[r][v] = 0.0;

  uint step = gl_WorkGroupID.z * (slice_length / 8);
  const uint end = min(steps, step + slice_length / 8);
  while (step < end) {
    const uint block = step % blocks;
    const uint run = min(blocks - block, end - step);
    const ivec3 offset = tap_offset(int(step / blocks));
    bool inside[4];
    uint at[4];
    [[unroll]] for (uint v = 0; v < 4; ++v) {
      const ivec3 from = origin[v] + offset;
      inside[v] = is_inside(from);
      at[v] = source_base + block * in_plane + (inside[v] ? plane_index(from) : 0);
    }
    for (uint c = 0; c < run; ++c) {
      float own[OWN_ROWS][8];
      [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r) {
        const uint row = own_row(r);
        own[r] = load_eight(weights, ((output_tile * 2 + row / 8) * steps + step + c) * 8 + row % 8);
      }
      float x[4][8];
      [[unroll]] for (uint v = 0; v < 4; ++v) {
        x[v] = load_eight(source, at[v] + c * in_plane);
        [[unroll]] for (uint k = 0; k < 8; ++k) x[v][k] = inside[v] ? x[v][k] : 0.0;
      }
      [[unroll]] for (uint r = 0; r < 16; ++r)
        [[unroll]] for (uint k = 0; k < 8; ++k) {
          const float weight = from_owner(own, r, k);
          [[unroll]] for (uint v = 0; v < 4; ++v) sums[r][v] = fma(weight, x[v][k], sums[r][v]);
        }
    }
    step += run;
  }

  [[unroll]] for (uint r = 0; r < 16; ++r) {
    const uint channel = output_tile % output_tiles * 16 + r;
    if (channel >= group_outputs) continue;
    const uint plane = (image * groups + group) * group_outputs + channel;
    const float offset = has_bias ? widen(bias[group * group_outputs + channel]) : 0.0;
    [[unroll]] for (uint v = 0; v < 4; ++v) {
      const uint position = position0 + 8 * v;
      if (position >= out_plane) continue;
      const uint element = plane * out_plane + position;
      if (sliced)
        partial[gl_WorkGroupID.z * (batch * groups * group_outputs * out_plane) + element] = sums[r][v];
      else
        target[element] = narrow(sums[r][v] + offset);
    }
  }
}
