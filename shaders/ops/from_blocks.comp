#version 450
// The reverse of to_blocks.comp.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_words { WIDE source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

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
  const float x[8] = load_eight(source, i);
  [[unroll]] for (uint j = 0; j < 8; ++j)
    if (channel0 + j < channels) target[(image * channels + channel0 + j) * positions + position] = narrow(x[j]);
}
