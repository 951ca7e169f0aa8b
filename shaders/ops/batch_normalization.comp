#version 450
// y = (x - mean) / sqrt(variance + epsilon) * scale + offset, with one of each for every channel.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer scale_elements { STORED scale[]; };
layout(set = 0, binding = 2) readonly buffer offset_elements { STORED offset[]; };
layout(set = 0, binding = 3) readonly buffer mean_elements { STORED mean[]; };
layout(set = 0, binding = 4) readonly buffer variance_elements { STORED variance[]; };
layout(set = 0, binding = 5) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count, channels;
  uint inner;  // elements of one channel of one image
  float epsilon;
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint c = i / inner % channels;
  const float normal = (widen(source[i]) - widen(mean[c])) / sqrt(widen(variance[c]) + epsilon);
  target[i] = narrow(fma(normal, widen(scale[c]), widen(offset[c])));
}
