#version 450
// Weights [output, channel, 3, 3] at the points of winograd.glsl, once for a program. An invocation serves one pair of
// output and channel; those past the last are zeros.
#define READS_TEXELS 0
#include "indexing.glsl"
#include "precision.glsl"
#include "winograd.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_floats { float target[]; };

layout(push_constant) uniform parameters { uint outputs, channels; };

void main() {
  const uint in_blocks = (channels + 7) / 8, out_blocks = (outputs + 7) / 8;
  const uint i = global_index();  // [block of outputs, block of channels, 8 outputs, 8 channels]
  const uint all = out_blocks * in_blocks * 64;
  if (i >= all) return;
  const uint row = i / (64 * in_blocks) * 8 + i / 8 % 8;
  const uint channel = i / 64 % in_blocks * 8 + i % 8;
  const bool exists = row < outputs && channel < channels;
  const uint base = exists ? (row * channels + channel) * 9 : 0;
  float points[6][3];
  [[unroll]] for (uint x = 0; x < 3; ++x) {
    float column[3];
    [[unroll]] for (uint y = 0; y < 3; ++y) column[y] = exists ? widen(source[base + 3 * y + x]) : 0.0;
    const float six[6] = transform_weights(column);
    [[unroll]] for (uint y = 0; y < 6; ++y) points[y][x] = six[y];
  }
  [[unroll]] for (uint y = 0; y < 6; ++y) {
    const float six[6] = transform_weights(points[y]);
    [[unroll]] for (uint x = 0; x < 6; ++x) target[(6 * y + x) * all + i] = six[x];
  }
}
