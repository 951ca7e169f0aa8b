#version 450
// y[c] = x[c] / (bias + alpha * (sum of squares over neighbouring channels)) ^ beta; alpha is already divided by the
// number of neighbours.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count, channels;
  uint inner;          // elements of one channel of one image
  uint before, after;  // neighbours on each side
  float alpha, beta, bias;
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint channel = i / inner % channels;
  const uint first = channel - min(channel, before);
  const uint last = min(channels - 1, channel + after);
  float squares = 0.0;
  for (uint neighbour = first; neighbour <= last; ++neighbour) {
    const float x = widen(source[i - channel * inner + neighbour * inner]);
    squares = fma(x, x, squares);
  }
  // exp2 and log2 because pow() of a negative base is undefined; a zero base gives what mathematics gives.
  const float base = fma(alpha, squares, bias);
  target[i] = narrow(widen(source[i]) * exp2(-beta * log2(base)));
}
