#version 450
// Weights [output, channel of its group, tap] as conv_blocks.glsl and conv_blocks_shared.comp read them:
// [group, block of 8 outputs, tap, block of 8 channels, 8 outputs, 8 channels]. Outputs and channels past the last are
// zeros. Several groups of the model may be one here: then zeros keep them apart. Unfolded (conv_unfold.comp), the one
// tap has all terms as its channels.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(constant_id = 0) const bool unfolded = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint groups, group_outputs, group_inputs;  // as the model has them
  uint merged;                               // groups of the model that are one here
  uint taps;
};

void main() {
  const uint steps = unfolded ? 1 : taps;
  const uint terms = merged * group_inputs * (unfolded ? taps : 1);  // of one step
  const uint blocks = (terms + 7) / 8;
  const uint row_blocks = (merged * group_outputs + 7) / 8;
  const uint i = global_index();  // [merged group, block of rows, step, block of terms, row]
  if (i >= groups / merged * row_blocks * steps * blocks * 8) return;
  const uint term0 = i / 8 % blocks * 8;
  const uint step = i / (8 * blocks) % steps;
  const uint row_block = i / (8 * blocks * steps);
  const uint row = row_block % row_blocks * 8 + i % 8;  // of the merged group
  const bool exists = row < merged * group_outputs;
  const uint output_channel = exists ? row_block / row_blocks * merged * group_outputs + row : 0;
  const uint channel0 = row / group_outputs * group_inputs;  // of this row's own group
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const uint term = term0 + j;
    const uint channel = unfolded ? term % group_inputs : term - channel0;
    const uint tap = unfolded ? term / group_inputs : step;
    const bool used = exists && term < terms && (unfolded || (term >= channel0 && channel < group_inputs));
    const float weight = widen(source[used ? (output_channel * group_inputs + channel) * taps + tap : 0]);
    x[j] = used ? weight : 0.0;
  }
  copy_eight(target, i, x);
}
