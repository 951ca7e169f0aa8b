// What the matrix product kernels share: target = activation(alpha * left x right + beta * addend + residual) over a batch
// of matrices. Every element is one chain of fused multiply-adds in the order of k, or one for each slice of fixed length,
// added up first to last: its bits depend on its row and its column alone, whatever the kernel, the tile and the batch.
#ifndef TROUPE_GEMM_GLSL
#define TROUPE_GEMM_GLSL

#extension GL_EXT_control_flow_attributes : require
#include "activation.glsl"
#include "indexing.glsl"
#include "vector_store.glsl"

#define NO_ADDEND 0
#define ADDEND_OF_COLUMN 1
#define ADDEND_OF_ROW 2
#define ANY_ADDEND 3

layout(constant_id = 0) const uint addend_kind = NO_ADDEND;
layout(constant_id = 1) const uint activation = 0;
layout(constant_id = 2) const bool has_residual = false;
layout(constant_id = 3) const bool sliced = false;  // a slice's fp32 sums go to `partial`, and that is all
layout(constant_id = 4) const uint batch_rank = 6;  // a division of integers is dear: only as many as there are axes
layout(constant_id = 5) const uint slice_length = 1024;  // a multiple of 8

layout(set = 0, binding = 2) readonly buffer addend_elements { STORED addend[]; };
layout(set = 0, binding = 3) readonly buffer residual_elements { STORED residual[]; };
layout(set = 0, binding = 4) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 2) readonly buffer addend_words { WIDE addend_eights[]; };
layout(set = 0, binding = 3) readonly buffer residual_words { WIDE residual_eights[]; };
layout(set = 0, binding = 4) writeonly buffer target_words { WIDE target_eights[]; };
layout(set = 0, binding = 4) buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint rows, inner, columns;         // of a whole matrix
  uint first_column, group_columns;  // what this dispatch computes; the right operand holds no others
  uint left_stride;   // from one row of the left operand, as it lies, to the next
  uint right_stride;  // the same of the right operand; of a packed one, from one block of columns to the next
  uint addend_row_stride, addend_column_stride;
  float alpha, beta;
  float activation_a, activation_b;
  uint batch_extents[6];  // outermost first; those that are not used are 1
  uint left_strides[6];
  uint right_strides[6];
  uint added_slice;  // not 0: the only slice of this dispatch, added to the sums of those before
};

uint matrix_count() {
  uint count = 1;
  [[unroll]] for (uint axis = 0; axis < 6; ++axis) count *= batch_extents[axis];
  return count;
}

// Where the operands' matrices begin, in elements.
void find_matrix(uint matrix, out uint left_base, out uint right_base) {
  left_base = 0;
  right_base = 0;
  [[unroll]] for (uint j = 0; j < 6; ++j) {
    const uint axis = 5 - j;
    if (j >= batch_rank) continue;
    const uint index = j + 1 == batch_rank ? matrix : matrix % batch_extents[axis];
    matrix /= batch_extents[axis];
    left_base += index * left_strides[axis];
    right_base += index * right_strides[axis];
  }
}

// Where the slice of this workgroup begins, if it computes one.
uint first_term() { return (gl_WorkGroupID.z + added_slice) * slice_length; }

// A slice that is added to others has an operand that begins with its terms.
uint skipped_terms() { return added_slice * slice_length; }

// The addend of a row or of a column of the whole matrix, where that is all there is: loaded once for many elements.
float addend_of_row(uint row) {
  return addend_kind == ADDEND_OF_ROW ? widen(addend[min(row, rows - 1) * addend_row_stride]) : 0.0;
}
float addend_of_column(uint column) {
  return addend_kind == ADDEND_OF_COLUMN ? widen(addend[min(column, columns - 1) * addend_column_stride]) : 0.0;
}

// The last step for an element, given what the two functions above say; nothing outside the matrix.
void finish(uint matrix, uint row, uint column, float sum, float row_addend, float column_addend) {
  if (row >= rows || column >= min(columns, first_column + group_columns)) return;
  const uint element = (matrix * rows + row) * columns + column;
  if (sliced) {
    const uint slot = gl_WorkGroupID.z * (matrix_count() * rows * columns) + element;
    partial[slot] = added_slice == 0 ? sum : partial[slot] + sum;
    return;
  }
  float term = addend_kind == ADDEND_OF_ROW ? row_addend : column_addend;
  if (addend_kind == ANY_ADDEND) term = widen(addend[row * addend_row_stride + column * addend_column_stride]);
  float value = alpha * sum;
  if (addend_kind != NO_ADDEND) value = fma(beta, term, value);
  if (has_residual) value += widen(residual[element]);
  target[element] = narrow(activate(activation, activation_a, activation_b, value));
}

// The same for eight neighbouring columns, the first a multiple of eight. `as_words`: they are not sliced, the columns of
// the whole matrix are a multiple of eight, and an addend of the columns lies together. The loops stay loops until the
// driver knows the specialization constants: unrolled here, they would be most of the kernel.
void finish_eight(uint matrix, uint row, uint column, bool as_words, float x[8]) {
  const uint last = min(columns, first_column + group_columns);
  if (row >= rows || column >= last) return;
  const float row_addend = addend_of_row(row);
  if (!as_words) {
    for (uint j = 0; j < 8; ++j) finish(matrix, row, column + j, x[j], row_addend, addend_of_column(column + j));
    return;
  }
  const uint word = ((matrix * rows + row) * columns + column) / 8;
  float term[8] = float[8](row_addend, row_addend, row_addend, row_addend, row_addend, row_addend, row_addend, row_addend);
  if (addend_kind == ADDEND_OF_COLUMN) term = load_eight(addend_eights, column / 8);
  float residual_term[8] = float[8](0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
  if (has_residual) residual_term = load_eight(residual_eights, word);
  for (uint j = 0; j < 8; ++j) {
    float value = alpha * x[j];
    if (addend_kind != NO_ADDEND) value = fma(beta, term[j], value);
    if (has_residual) value += residual_term[j];
    x[j] = activate(activation, activation_a, activation_b, value);
  }
  store_eight(target_eights, word, x);
}

#endif
