#version 450
// target = activation(alpha * (sum of slices, first to last) + beta * addend + residual): the end of a reduction that was
// cut into slices.
#include "activation.glsl"
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool has_addend = false;
layout(constant_id = 1) const uint activation = 0;
layout(constant_id = 2) const bool has_residual = false;

layout(set = 0, binding = 0) readonly buffer partial_elements { float partial[]; };
layout(set = 0, binding = 1) readonly buffer addend_elements { STORED addend[]; };
layout(set = 0, binding = 2) readonly buffer residual_elements { STORED residual[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of the target, and of one slice
  uint slices;
  uint rows, columns;  // of one matrix of the target
  uint addend_row_stride, addend_column_stride;
  float alpha, beta;
  float activation_a, activation_b;
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  float sum = 0.0;
  for (uint slice = 0; slice < slices; ++slice) sum += partial[slice * count + i];
  float value = alpha * sum;
  if (has_addend) {
    const uint row = i / columns % rows;
    const uint column = i % columns;
    value = fma(beta, widen(addend[row * addend_row_stride + column * addend_column_stride]), value);
  }
  if (has_residual) value += widen(residual[i]);
  target[i] = narrow(activate(activation, activation_a, activation_b, value));
}
