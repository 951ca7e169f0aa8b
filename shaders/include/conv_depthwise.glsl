// Depthwise convolution over blocks of eight channels: every channel has its own kernel. An invocation computes 8
// channels of some neighbours along x, each one chain of fused multiply-adds over the taps. With `row_taps` it walks the
// columns of the input that its neighbours share once, and the taps of a row are unrolled; without, any window will do.
// A workgroup serves one block. READS_TEXELS: see texels.glsl; then the eight invocations of a subgroup also share
// the loads of the weights.
#extension GL_EXT_control_flow_attributes : require
#if READS_TEXELS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "division.glsl"
#include "texels.glsl"
#include "vector_store.glsl"
#include "window.glsl"
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint activation = 0;
layout(constant_id = 1) const uint row_taps = 0;    // extent of the kernel along x, at most 7; dilation along x is 1
layout(constant_id = 3) const bool has_residual = false;
layout(constant_id = 2) const uint row_stride = 1;  // stride along x, 1 or 2

#define NEIGHBOURS 4
#define COLUMNS_MAX (7 + (NEIGHBOURS - 1) * 2)

WORDS(0, source);
WORDS(1, weights);
WORDS(2, bias);
WORDS(3, residual);
layout(set = 0, binding = 4) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint batch, channels;
  uint has_bias;
  float activation_a, activation_b;
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint row_tiles = (uint(out_x) + NEIGHBOURS - 1) / NEIGHBOURS;
  const uint blocks = (channels + 7) / 8;
  const uint block = gl_WorkGroupID.y;
  const uint image_block = gl_WorkGroupID.z * blocks + block;
  const uint all_tiles = uint(out_z * out_y) * row_tiles;
#if READS_TEXELS
  if (gl_GlobalInvocationID.x - gl_SubgroupInvocationID >= all_tiles) return;  // a whole subgroup: shuffles need all lanes
#endif
  const bool stores = gl_GlobalInvocationID.x < all_tiles;
  const uint i = min(gl_GlobalInvocationID.x, all_tiles - 1);  // [z, y, tile of x]
  uint row, tile, out_plane_z, row_y;
  divide(i, row_tiles, row, tile);
  divide(row, uint(out_y), out_plane_z, row_y);
  const int x0 = int(tile) * NEIGHBOURS;
  const ivec3 origin = ivec3(out_plane_z, row_y, x0) * ivec3(stride_z, stride_y, stride_x) -
                       ivec3(pad_z, pad_y, pad_x);

  float sums[NEIGHBOURS][8];
  [[unroll]] for (uint v = 0; v < NEIGHBOURS; ++v)
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[v][j] = 0.0;

  uint tap = block * uint(kernel_z * kernel_y * kernel_x);
  for (int z = 0; z < kernel_z; ++z)
    for (int y = 0; y < kernel_y; ++y) {
      const ivec3 from = origin + ivec3(z * dilation_z, y * dilation_y, 0);
      const bool row_inside = uint(from.x) < uint(in_z) && uint(from.y) < uint(in_y);
      const uint row_base = image_block * in_plane + (row_inside ? uint((from.x * in_y + from.y) * in_x) : 0);
      if (row_taps != 0) {
        float weight[7][8];
#if READS_TEXELS
        const float own[8] = read_eight(weights, tap + min(gl_SubgroupInvocationID, row_taps - 1));
        [[unroll]] for (uint t = 0; t < 7; ++t)
          [[unroll]] for (uint j = 0; j < 8; ++j) weight[t][j] = subgroupShuffle(own[j], t);
#else
        [[unroll]] for (uint t = 0; t < 7; ++t)
          if (t < row_taps) weight[t] = read_eight(weights, tap + t);
#endif
        [[unroll]] for (uint column = 0; column < COLUMNS_MAX; ++column) {
          if (column >= row_taps + (NEIGHBOURS - 1) * row_stride) continue;
          const int at = from.z + int(column);
          const bool inside = row_inside && uint(at) < uint(in_x);
          const float element[8] = read_eight_if(source, row_base + (inside ? uint(at) : 0), inside);
          [[unroll]] for (uint v = 0; v < NEIGHBOURS; ++v) {
            if (column < v * row_stride || column >= v * row_stride + row_taps) continue;
            [[unroll]] for (uint j = 0; j < 8; ++j)
              sums[v][j] = fma(weight[column - v * row_stride][j], element[j], sums[v][j]);
          }
        }
      } else {
        for (int x = 0; x < kernel_x; ++x) {
          const float weight[8] = read_eight(weights, tap + x);
          [[unroll]] for (uint v = 0; v < NEIGHBOURS; ++v) {
            const int at = from.z + int(v) * stride_x + x * dilation_x;
            const bool inside = row_inside && uint(at) < uint(in_x);
            const float element[8] = read_eight_if(source, row_base + (inside ? uint(at) : 0), inside);
            [[unroll]] for (uint j = 0; j < 8; ++j) sums[v][j] = fma(weight[j], element[j], sums[v][j]);
          }
        }
      }
      tap += uint(kernel_x);
    }

  const float offset[8] = read_eight_if(bias, block, has_bias != 0);
  [[unroll]] for (uint v = 0; v < NEIGHBOURS; ++v) {
    const uint word = image_block * out_plane + row * uint(out_x) + min(uint(x0) + v, uint(out_x) - 1);
    float result[8];
    [[unroll]] for (uint j = 0; j < 8; ++j) result[j] = sums[v][j] + offset[j];
    if (has_residual) {
      const float other[8] = read_eight(residual, word);
      [[unroll]] for (uint j = 0; j < 8; ++j) result[j] += other[j];
    }
    [[unroll]] for (uint j = 0; j < 8; ++j)
      result[j] = 8 * block + j < channels ? activate(activation, activation_a, activation_b, result[j]) : 0.0;
    // No `break` before this: loops with a second exit are not unrolled, and then the sums leave their registers.
    if (stores && x0 + int(v) < out_x) {
      store_eight(target, word, result);
    }
  }
}
