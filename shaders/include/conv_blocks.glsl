// Convolution over blocks of eight channels on devices whose subgroups are eight lanes of one CPU core: a subgroup owns a
// tile of TILE_ROWS output channels by 8 * TILE_VECTORS positions in registers, an invocation one position of each
// vector. It needs neither shared memory nor barriers: each invocation loads every eighth row of the weights, and all
// take them from their owner by a shuffle, which costs such a device one instruction.
//
// Every element is one chain of fused multiply-adds over taps, then channels: its bits depend on nothing but its own
// operands. Padding adds zeros. Weights: conv_block_weights.comp. READS_TEXELS: see texels.glsl.
#extension GL_EXT_control_flow_attributes : require
#define SHARES_ROWS 1
#include "division.glsl"
#include "indexing.glsl"
#include "subgroup_rows.glsl"
#include "texels.glsl"
#include "vector_store.glsl"
#include "window.glsl"
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool pointwise = false;  // one tap, and output positions are input positions
layout(constant_id = 1) const uint activation = 0;
layout(constant_id = 2) const bool has_residual = false;  // both sides of a branch cost, on CPUs

WORDS(0, source);
WORDS(1, weights);
WORDS(2, bias);
WORDS(3, residual);
layout(set = 0, binding = 4) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint batch, groups;
  uint group_blocks;   // blocks of input channels in a group
  uint group_outputs;  // output channels in a group; a multiple of 8 unless there is one group
  uint has_bias;  // here and not specialised: each variant is a pipeline to compile
  float activation_a, activation_b;
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint all_positions = batch * out_plane;
  const uint position_tiles = (all_positions + 8 * TILE_VECTORS - 1) / (8 * TILE_VECTORS);
  const uint output_tiles = (group_outputs + TILE_ROWS - 1) / TILE_ROWS;
  const uint subgroup = global_index() / 8;
  const uint lane = gl_SubgroupInvocationID;
  const uint tile = subgroup / position_tiles;  // of all groups
  if (tile >= groups * output_tiles) return;
  const uint group = tile / output_tiles;

  // Positions past the last repeat it and are not stored.
  const uint position0 = subgroup % position_tiles * (8 * TILE_VECTORS) + lane;
  ivec3 origin[TILE_VECTORS];
  uint base[TILE_VECTORS];   // of the source
  uint place[TILE_VECTORS];  // in the target
  const uint output_blocks = (groups * group_outputs + 7) / 8;
  [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
    uint image, position;
    divide(min(position0 + 8 * v, all_positions - 1), out_plane, image, position);
    base[v] = (image * groups + group) * group_blocks * in_plane;
    place[v] = image * output_blocks * out_plane + position;
    if (pointwise) {
      base[v] += position;
    } else {
      uint row, x, z, y;
      divide(position, uint(out_x), row, x);
      divide(row, uint(out_y), z, y);
      origin[v] = ivec3(z, y, x) * ivec3(stride_z, stride_y, stride_x) - ivec3(pad_z, pad_y, pad_x);
    }
  }

  float sums[TILE_ROWS][TILE_VECTORS];
  [[unroll]] for (uint r = 0; r < TILE_ROWS; ++r)
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) sums[r][v] = 0.0;

  const uint taps = pointwise ? 1 : uint(kernel_z * kernel_y * kernel_x);
  const uint row_blocks = (group_outputs + 7) / 8;
  uint weight_at[OWN_ROWS];  // rows past the last repeat it and are not stored
  [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o) {
    const uint block = min(tile % output_tiles * OWN_ROWS + o, row_blocks - 1);
    weight_at[o] = (group * row_blocks + block) * taps * group_blocks * 8 + lane;
  }
  ivec3 tap = ivec3(0);
  for (uint t = 0; t < taps; ++t) {
    bool inside[TILE_VECTORS];
    uint at[TILE_VECTORS];
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
      inside[v] = true;
      at[v] = base[v];
      if (!pointwise) {
        const ivec3 from = origin[v] + tap * ivec3(dilation_z, dilation_y, dilation_x);
        inside[v] = is_inside(from);
        at[v] += inside[v] ? plane_index(from) : 0;
      }
    }
    ++tap.z;
    if (tap.z == kernel_x) tap.z = 0, ++tap.y;
    if (tap.y == kernel_y) tap.y = 0, ++tap.x;
    for (uint c = 0; c < group_blocks; ++c) {
      float x[TILE_VECTORS][8];
      [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) x[v] = read_eight_if(source, at[v], pointwise || inside[v]);
      [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) at[v] += in_plane;
      [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o) {
        const float own[8] = read_eight(weights, weight_at[o]);
        weight_at[o] += 8;
        [[unroll]] for (uint r = 0; r < 8; ++r) {
          float weight[8];
          [[unroll]] for (uint k = 0; k < 8; ++k) weight[k] = subgroupShuffle(own[k], r);
          [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
            float sum = sums[8 * o + r][v];
            [[unroll]] for (uint k = 0; k < 8; ++k) sum = fma(weight[k], x[v][k], sum);
            sums[8 * o + r][v] = sum;
          }
        }
      }
    }
  }

  const uint outputs = groups * group_outputs;
  [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o) {
    const uint in_group = tile % output_tiles * TILE_ROWS + 8 * o;
    const uint channel0 = group * group_outputs + in_group;
    const float offset[8] = read_eight_if(bias, min(channel0, outputs - 1) / 8, has_bias != 0);
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
      const uint word = min(channel0, outputs - 1) / 8 * out_plane + place[v];
      float result[8];
      [[unroll]] for (uint j = 0; j < 8; ++j) result[j] = sums[8 * o + j][v] + offset[j];
      if (has_residual) {
        const float other[8] = read_eight(residual, word);
        [[unroll]] for (uint j = 0; j < 8; ++j) result[j] += other[j];
      }
      // Channels that are not there stay zeros.
      [[unroll]] for (uint j = 0; j < 8; ++j)
        result[j] = channel0 + j < outputs ? activate(activation, activation_a, activation_b, result[j]) : 0.0;
      // No `break` before this: loops with a second exit are not unrolled, and then the sums leave their registers.
      if (in_group < group_outputs && position0 + 8 * v < all_positions) {
        store_eight(target, word, result);
      }
    }
  }
}
