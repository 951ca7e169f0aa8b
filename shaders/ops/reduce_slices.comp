#version 450
// Joins what reduce.comp made of slices, first to last, and finishes the result.
#include "indexing.glsl"
#include "precision.glsl"
#include "reduction.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer partial_elements { float partial[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;   // elements of the target, and of one slice
  uint slices;
  float scale;  // one over the number of elements reduced
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  float base = 0.0;
  if (reduction == LOG_OF_SUM_OF_EXPONENTIALS) {
    float peak = -INFINITY;
    for (uint slice = 0; slice < slices; ++slice) peak = larger(peak, partial[slice * count + i]);
    base = exponent_base(peak);
  }
  float joined = first_value();
  for (uint slice = 0; slice < slices; ++slice) {
    const float value = partial[slice * count + i];
    joined = join(joined, reduction == LOG_OF_SUM_OF_EXPONENTIALS ? exp(value - base) : value);
  }
  target[i] = narrow(finish(joined, base, scale));
}
