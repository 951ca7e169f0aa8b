#version 450
// Convolution over blocks of eight channels on devices that hide latency with many invocations: a workgroup owns a tile
// of 64 output channels by 64 positions and stages 16 terms of each sum at a time in shared memory; an invocation
// computes a block of 8 channels of 4 positions. Sums as in conv_blocks.glsl.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vector_store.glsl"
#include "window.glsl"
#include "activation.glsl"

layout(local_size_x = 128) in;
layout(constant_id = 0) const bool pointwise = false;
layout(constant_id = 1) const uint activation = 0;
layout(constant_id = 2) const bool has_residual = false;  // both sides of a branch cost, on CPUs

layout(set = 0, binding = 0) readonly buffer source_words { WIDE source[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { WIDE weights[]; };
layout(set = 0, binding = 2) readonly buffer bias_words { WIDE bias[]; };
layout(set = 0, binding = 3) readonly buffer residual_words { WIDE residual[]; };
layout(set = 0, binding = 4) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint batch, groups;
  uint group_blocks;   // blocks of input channels in a group
  uint group_outputs;  // output channels in a group; a multiple of 8 unless there is one group
  uint has_bias;  // here and not specialised: each variant is a pipeline to compile
  float activation_a, activation_b;
  WINDOW_PARAMETERS
};

// [term, channel or position]; a row has a few more, so that columns lie in different banks.
shared float staged_weights[16][65];
shared float staged_source[16][65];

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint all_positions = batch * out_plane;
  const uint position_tiles = (all_positions + 63) / 64;
  const uint output_tiles = (group_outputs + 63) / 64;
  const uint work = group_index();
  const uint tile = work / position_tiles;
  if (tile >= groups * output_tiles) return;  // the whole workgroup
  const uint group = tile / output_tiles;
  const uint local = gl_LocalInvocationID.x;

  // What this invocation stages: one word of 8 terms for row `staged` of the weights and of the source.
  const uint staged = local % 64;
  const uint staged_half = local / 64;  // terms 0 to 7 or 8 to 15
  const uint staged_position = min(work % position_tiles * 64 + staged, all_positions - 1);
  const uint staged_image = staged_position / out_plane;
  const uint source_base = (staged_image * groups + group) * group_blocks * in_plane;
  const ivec3 origin = window_origin(int(staged_position % out_plane));

  // What it computes: block `local / 16` of the channels, positions `local % 16`, 16 more, ...
  const uint block = local / 16;
  const uint place = local % 16;
  float sums[8][4];
  [[unroll]] for (uint r = 0; r < 8; ++r)
    [[unroll]] for (uint v = 0; v < 4; ++v) sums[r][v] = 0.0;

  const uint row_blocks = (group_outputs + 7) / 8;
  const uint staged_block = min(tile % output_tiles * 8 + staged / 8, row_blocks - 1);
  const uint steps = (pointwise ? 1 : uint(kernel_z * kernel_y * kernel_x)) * group_blocks;
  for (uint step0 = 0; step0 < steps; step0 += 2) {
    const uint step = step0 + staged_half;
    const bool exists = step < steps;
    const uint tap = step / group_blocks;
    const ivec3 from = origin + (pointwise ? ivec3(0) : tap_offset(int(tap)));
    const bool inside = exists && is_inside(from);
    const float w[8] = load_eight_if(
        weights, ((group * row_blocks + staged_block) * steps + (exists ? step : 0)) * 8 + staged % 8, exists);
    const float x[8] = load_eight_if(
        source, source_base + (inside ? step % group_blocks * in_plane + plane_index(from) : 0), inside);
    barrier();  // what was staged before has been used
    [[unroll]] for (uint k = 0; k < 8; ++k) {
      staged_weights[8 * staged_half + k][staged] = w[k];
      staged_source[8 * staged_half + k][staged] = x[k];
    }
    barrier();
    [[unroll]] for (uint k = 0; k < 16; ++k) {
      float a[8];
      float b[4];
      [[unroll]] for (uint r = 0; r < 8; ++r) a[r] = staged_weights[k][8 * block + r];
      [[unroll]] for (uint v = 0; v < 4; ++v) b[v] = staged_source[k][place + 16 * v];
      [[unroll]] for (uint r = 0; r < 8; ++r)
        [[unroll]] for (uint v = 0; v < 4; ++v) sums[r][v] = fma(a[r], b[v], sums[r][v]);
    }
  }

  const uint outputs = groups * group_outputs;
  const uint output_blocks = (outputs + 7) / 8;
  const uint in_group = tile % output_tiles * 64 + 8 * block;
  if (in_group >= group_outputs) return;
  const uint channel0 = group * group_outputs + in_group;
  const float offset[8] = load_eight_if(bias, channel0 / 8, has_bias != 0);
  [[unroll]] for (uint v = 0; v < 4; ++v) {
    const uint at = work % position_tiles * 64 + place + 16 * v;
    const uint image = at / out_plane;
    const uint word = (image * output_blocks + channel0 / 8) * out_plane + at - image * out_plane;
    float result[8];
    [[unroll]] for (uint j = 0; j < 8; ++j)
      result[j] = sums[j][v] + offset[j];
    if (has_residual && at < all_positions) {
      const float other[8] = load_eight(residual, word);
      [[unroll]] for (uint j = 0; j < 8; ++j) result[j] += other[j];
    }
    [[unroll]] for (uint j = 0; j < 8; ++j)
      result[j] = channel0 + j < outputs ? activate(activation, activation_a, activation_b, result[j]) : 0.0;
    if (at < all_positions) {
      store_eight(target, word, result);
    }
  }
}
