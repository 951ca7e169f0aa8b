#version 450
// Weights [group, output, channel, tap] as conv_tile.glsl reads them: [group, block of 8 outputs, tap, block of 8
// channels, 8 outputs, 8 channels]. Outputs and channels past the last are zeros.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint groups, outputs, channels, taps;
  uint output_blocks;  // of one group; may be more than its outputs fill
};

void main() {
  const uint i = global_index();  // [group, output block, tap, channel block, output]
  const uint channel_blocks = (channels + 7) / 8;
  if (i >= groups * output_blocks * taps * channel_blocks * 8) return;
  const uint channel0 = i / 8 % channel_blocks * 8;
  const uint tap = i / (8 * channel_blocks) % taps;
  const uint block = i / (8 * channel_blocks * taps);
  const uint output_channel = block % output_blocks * 8 + i % 8;
  const uint filter_index = block / output_blocks * outputs + min(output_channel, outputs - 1);
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint channel = min(channel0 + j, channels - 1);
    const float weight = widen(source[(filter_index * channels + channel) * taps + tap]);
    x[j] = output_channel < outputs && channel0 + j < channels ? weight : 0.0;
  }
  copy_eight(target, i, x);
}
