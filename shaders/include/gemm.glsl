// What the matrix product kernels share: target = alpha * left x right + beta * addend over a batch of matrices. An
// element is one chain of fused multiply-adds in the order of k, so that its bits depend on its row and its column alone,
// whatever the kernel, the tile, the batch and the device's load. Long chains are cut into slices of fixed length, summed
// by combine_slices.comp.
#ifndef TROUPE_GEMM_GLSL
#define TROUPE_GEMM_GLSL

#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool right_transposed = false;  // right is [columns][inner]
layout(constant_id = 1) const uint addend_kind = 0;  // 0: none, 1: anything, 2: one for each row
layout(constant_id = 2) const bool sliced = false;  // write fp32 sums of slices to `partial` and no more

layout(set = 0, binding = 0) readonly buffer left_elements { STORED left[]; };
layout(set = 0, binding = 0) readonly buffer left_words { WIDE left_eights[]; };
layout(set = 0, binding = 1) readonly buffer right_elements { STORED right[]; };
layout(set = 0, binding = 1) readonly buffer right_words { WIDE right_eights[]; };
layout(set = 0, binding = 2) readonly buffer addend_elements { STORED addend[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) writeonly buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint rows, inner, columns;
  uint matrices;                        // in the batch
  uint left_row_stride, left_stride;    // from one row to the next, and along a row
  uint right_stride;                    // from one row of the right operand, as it lies, to the next
  uint slice_length;                    // a multiple of 8
  uint addend_row_stride, addend_column_stride;
  float alpha, beta;
  uint batch_rank;
  uint batch_extents[6];
  uint left_strides[6];
  uint right_strides[6];
};

// Where the operands' matrices begin.
void find_matrix(uint matrix, out uint left_base, out uint right_base) {
  left_base = 0;
  right_base = 0;
  for (uint axis = batch_rank; axis-- > 0;) {
    const uint index = matrix % batch_extents[axis];
    matrix /= batch_extents[axis];
    left_base += index * left_strides[axis];
    right_base += index * right_strides[axis];
  }
}

// The addend of a row, when that is all there is.
float addend_of_row(uint row) {
  return addend_kind == 2 ? widen(addend[min(row, rows - 1) * addend_row_stride]) : 0.0;
}

// The last step for an element; nothing outside the matrix.
void finish(uint matrix, uint row, uint column, float sum, float row_addend) {
  if (row >= rows || column >= columns) return;
  const uint element = (matrix * rows + row) * columns + column;
  if (sliced) {
    partial[gl_WorkGroupID.z * (matrices * rows * columns) + element] = sum;
    return;
  }
  float value = alpha * sum;
  if (addend_kind == 1) row_addend = widen(addend[row * addend_row_stride + column * addend_column_stride]);
  if (addend_kind != 0) value = fma(beta, row_addend, value);
  target[element] = narrow(value);
}

#endif
