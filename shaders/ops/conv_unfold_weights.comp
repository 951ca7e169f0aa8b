#version 450
// Weights [output, channel, tap] in the order of conv_unfold.comp: [output, tap and channel], rows as there.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint outputs, channels, taps;
};

void main() {
  const uint row_eights = (channels * taps + 7) / 8;
  const uint i = global_index();  // [output, eight columns]
  if (i >= outputs * row_eights) return;
  const uint base = i / row_eights * channels * taps;
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint column = i % row_eights * 8 + j;
    const uint tap = min(column / channels, taps - 1);
    const float weight = widen(source[base + column % channels * taps + tap]);
    x[j] = column < channels * taps ? weight : 0.0;
  }
  copy_eight(target, i, x);
}
