// The mean over all positions of blocks of eight channels, as plain [image, channel]. An invocation adds up a short plane
// in order; a workgroup shares a long one and joins 64 partial sums by a fixed tree.
// READS_TEXELS: see texels.glsl.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "reduce.glsl"
#include "texels.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool cooperative = false;

WORDS(0, source);
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint images, channels, positions;
};

void main() {
  const uint i = cooperative ? group_index() : global_index();  // [image, block]
  const uint blocks = (channels + 7) / 8;
  if (i >= images * blocks) return;
  float sums[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  const uint first = cooperative ? gl_LocalInvocationID.x : 0;
  const uint step = cooperative ? 64 : 1;
  for (uint position = first; position < positions; position += step) {
    const float x[8] = read_eight(source, i * positions + position);
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[j] += x[j];
  }
  if (cooperative) {
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[j] = group_sum(sums[j]);
    if (gl_LocalInvocationID.x != 0) return;
  }
  const uint channel0 = i % blocks * 8;
  [[unroll]] for (uint j = 0; j < 8; ++j)
    if (channel0 + j < channels)
      target[i / blocks * channels + channel0 + j] = narrow(sums[j] * (1.0 / float(positions)));
}
