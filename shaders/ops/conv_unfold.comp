#version 450
// What a convolution of few channels multiplies its weights with (known as im2col), in blocks of eight terms:
// [image, block, output position, 8 taps and channels]. Terms past the last and taps on the padding are zeros.
#extension GL_EXT_control_flow_attributes : require
#include "division.glsl"
#include "indexing.glsl"
#include "vectors.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint batch, channels;
  WINDOW_PARAMETERS
};

void main() {
  const uint in_plane = uint(in_z * in_y * in_x);
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint taps = uint(kernel_z * kernel_y * kernel_x);
  const uint blocks = (channels * taps + 7) / 8;
  const uint i = global_index();  // [image, block, position]
  uint image_block, position, image, block, row, column, out_plane_z, row_y, tap0, channel0, tap_row, tap_x;
  divide(i, out_plane, image_block, position);
  divide(image_block, blocks, image, block);
  if (image >= batch) return;
  divide(position, uint(out_x), row, column);
  divide(row, uint(out_y), out_plane_z, row_y);
  const ivec3 origin =
      ivec3(out_plane_z, row_y, column) * ivec3(stride_z, stride_y, stride_x) - ivec3(pad_z, pad_y, pad_x);

  divide(block * 8, channels, tap0, channel0);
  divide(tap0, uint(kernel_x), tap_row, tap_x);
  uint channel = channel0;
  ivec3 tap = ivec3(tap_row / uint(kernel_y), tap_row % uint(kernel_y), tap_x);
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const ivec3 at = origin + tap * ivec3(dilation_z, dilation_y, dilation_x);
    const bool there = tap.x < kernel_z && is_inside(at);
    const uint plane = image * channels + channel;
    const float element = widen(source[plane * in_plane + (there ? plane_index(at) : 0)]);
    x[j] = there ? element : 0.0;
    ++channel;
    if (channel == channels) channel = 0, ++tap.z;
    if (tap.z == kernel_x) tap.z = 0, ++tap.y;
    if (tap.y == kernel_y) tap.y = 0, ++tap.x;
  }
  copy_eight(target, i, x);
}
