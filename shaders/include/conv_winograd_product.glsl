// The second of three steps, see winograd.glsl: at each point the product of weights and inputs, as conv_blocks.glsl does
// it. A subgroup owns a tile of TILE_ROWS outputs by 8 * TILE_VECTORS positions. Every element is one chain of fused
// multiply-adds over the channels. READS_TEXELS: see texels.glsl.
#define SHARES_ROWS 1
#include "indexing.glsl"
#include "subgroup_rows.glsl"
#include "winograd.glsl"

layout(local_size_x = 64) in;

FOURS(0, inputs);
FOURS(1, weights);
layout(set = 0, binding = 2) writeonly buffer product_fours { vec4 products[]; };

layout(push_constant) uniform parameters { uint positions, in_blocks, out_blocks; };

float[8] join(vec4 a, vec4 b) { return float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w); }

void main() {
  const uint position_tiles = (positions + 8 * TILE_VECTORS - 1) / (8 * TILE_VECTORS);
  const uint out_tiles = (out_blocks + OWN_ROWS - 1) / OWN_ROWS;
  const uint subgroup = global_index() / 8;
  const uint lane = gl_SubgroupInvocationID;
  const uint tile = subgroup / position_tiles;  // of all points
  const uint point = tile / out_tiles;
  if (point >= 36) return;

  // Positions and rows past the last repeat it and are not stored.
  const uint position0 = subgroup % position_tiles * (8 * TILE_VECTORS) + lane;
  uint input_at[TILE_VECTORS];
  [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v)
    input_at[v] = point * in_blocks * positions + min(position0 + 8 * v, positions - 1);
  const uint block0 = tile % out_tiles * OWN_ROWS;
  uint weight_at[OWN_ROWS];
  [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o)
    weight_at[o] = (point * out_blocks + min(block0 + o, out_blocks - 1)) * in_blocks * 8 + lane;

  float sums[TILE_ROWS][TILE_VECTORS];
  [[unroll]] for (uint r = 0; r < TILE_ROWS; ++r)
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) sums[r][v] = 0.0;
  for (uint c = 0; c < in_blocks; ++c) {
    float x[TILE_VECTORS][8];
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
      x[v] = join(read_four(inputs, 2 * input_at[v]), read_four(inputs, 2 * input_at[v] + 1));
      input_at[v] += positions;
    }
    [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o) {
      const float own[8] = join(read_four(weights, 2 * weight_at[o]), read_four(weights, 2 * weight_at[o] + 1));
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

  [[unroll]] for (uint o = 0; o < OWN_ROWS; ++o)
    [[unroll]] for (uint v = 0; v < TILE_VECTORS; ++v) {
      const uint r = 8 * o;
      const uint at = 2 * ((point * out_blocks + block0 + o) * positions + position0 + 8 * v);
      // No `break` in place of this: see conv_blocks.glsl.
      if (block0 + o < out_blocks && position0 + 8 * v < positions) {
        products[at] = vec4(sums[r][v], sums[r + 1][v], sums[r + 2][v], sums[r + 3][v]);
        products[at + 1] = vec4(sums[r + 4][v], sums[r + 5][v], sums[r + 6][v], sums[r + 7][v]);
      }
    }
}
