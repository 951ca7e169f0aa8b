#version 450
// Weights [group, output, input, tap] as conv_tile.comp reads them: [group, block of 8 outputs, tap, input, 8 outputs],
// so that the eight outputs of one product lie side by side. Missing outputs of a last block are zeros.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer weight_elements { STORED weights[]; };
layout(set = 0, binding = 1) writeonly buffer packed_elements { STORED packed[]; };

layout(push_constant) uniform parameters {
  uint groups, group_outputs, group_inputs, taps;
};

void main() {
  const uint i = global_index();  // [group, block, tap, input]
  const uint blocks = (group_outputs + 7) / 8;
  if (i >= groups * blocks * taps * group_inputs) return;
  const uint channel = i % group_inputs;
  const uint tap = i / group_inputs % taps;
  const uint block = i / (group_inputs * taps) % blocks;
  const uint group = i / (group_inputs * taps * blocks);
  for (uint j = 0; j < 8; ++j) {
    const uint output_channel = min(block * 8 + j, group_outputs - 1);
    const float weight =
        widen(weights[((group * group_outputs + output_channel) * group_inputs + channel) * taps + tap]);
    packed[i * 8 + j] = narrow(block * 8 + j < group_outputs ? weight : 0.0);
  }
}
