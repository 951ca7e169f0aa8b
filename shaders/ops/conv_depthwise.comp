#version 450
// Depthwise convolution: every channel has its own kernel. An invocation computes 8 channels of 4 positions over an input
// and weights in blocks of 8 channels (conv_input.comp), one chain of fused multiply-adds over the taps for each.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_bias = false;

layout(set = 0, binding = 0) readonly buffer source_words { WIDE source[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { WIDE weights[]; };
layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint batch, channels;
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint tiles = (out_plane + 31) / 32 * 8;  // invocations for one plane
  const uint blocks = (channels + 7) / 8;
  const uint i = global_index();
  const uint image_block = i / tiles;
  if (image_block >= batch * blocks) return;
  const uint block = image_block % blocks;

  // Eight neighbouring invocations take eight neighbouring positions, four times.
  const uint position0 = i % tiles / 8 * 32 + i % 8;
  ivec3 origin[4];
  [[unroll]] for (uint v = 0; v < 4; ++v) origin[v] = window_origin(int(min(position0 + 8 * v, out_plane - 1)));

  float sums[4][8];
  [[unroll]] for (uint v = 0; v < 4; ++v)
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[v][j] = 0.0;

  uint tap = block * uint(kernel_z * kernel_y * kernel_x);
  for (int z = 0; z < kernel_z; ++z)
    for (int y = 0; y < kernel_y; ++y)
      for (int x = 0; x < kernel_x; ++x) {
        const float weight[8] = load_eight(weights, tap);
        ++tap;
        [[unroll]] for (uint v = 0; v < 4; ++v) {
          const ivec3 at = origin[v] + ivec3(z * dilation_z, y * dilation_y, x * dilation_x);
          const bool inside = is_inside(at);
          const float element[8] = load_eight(source, image_block * in_plane + (inside ? plane_index(at) : 0));
          [[unroll]] for (uint j = 0; j < 8; ++j)
            sums[v][j] = fma(weight[j], inside ? element[j] : 0.0, sums[v][j]);
        }
      }

  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint channel = block * 8 + j;
    if (channel >= channels) continue;
    const uint plane = image_block / blocks * channels + channel;
    const float offset = has_bias ? widen(bias[channel]) : 0.0;
    [[unroll]] for (uint v = 0; v < 4; ++v)
      if (position0 + 8 * v < out_plane) target[plane * out_plane + position0 + 8 * v] = narrow(sums[v][j] + offset);
  }
}
