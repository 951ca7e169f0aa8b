#version 450
// [image, channel, position] to [image, block of 8 channels, position, 8 channels]: memory_layout::blocks. Channels past
// the last are zeros.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint images, channels, positions;
};

void main() {
  const uint i = global_index();  // [image, block, position]
  const uint blocks = (channels + 7) / 8;
  if (i >= images * blocks * positions) return;
  const uint position = i % positions;
  const uint channel0 = i / positions % blocks * 8;
  const uint image = i / (positions * blocks);
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint channel = min(channel0 + j, channels - 1);
    const float element = widen(source[(image * channels + channel) * positions + position]);
    x[j] = channel0 + j < channels ? element : 0.0;
  }
  copy_eight(target, i, x);
}
