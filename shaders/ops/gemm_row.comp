#version 450
// Matrix products of few rows: an invocation computes 8 neighbouring columns of one row.
#include "gemm.glsl"

layout(constant_id = 3) const bool wide = false;  // both operands can be read eight elements at a time

void main() {
  const uint columns_eighth = (columns + 7) / 8;
  const uint i = global_index();
  const uint matrix = i / (columns_eighth * rows);
  if (matrix >= matrices) return;
  const uint row = i / columns_eighth % rows;
  const uint column0 = i % columns_eighth * 8;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);
  left_base += row * left_row_stride;

  float sums[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  const uint begin = gl_WorkGroupID.z * slice_length;
  const uint end = min(inner, begin + slice_length);
  // Columns past the edge repeat the last one and are not stored.
  uint column_base[8];
  [[unroll]] for (uint j = 0; j < 8; ++j)
    column_base[j] = right_base + min(column0 + j, columns - 1) * (right_transposed ? right_stride : 1);

  if (wide && right_transposed) {
    for (uint k0 = begin; k0 < end; k0 += 8) {
      const float a[8] = load_eight(left_eights, (left_base + k0) / 8);
      [[unroll]] for (uint j = 0; j < 8; ++j) {
        const float b[8] = load_eight(right_eights, (column_base[j] + k0) / 8);
        [[unroll]] for (uint k = 0; k < 8; ++k) sums[j] = fma(a[k], b[k], sums[j]);
      }
    }
  } else if (wide) {
    for (uint k0 = begin; k0 < end; k0 += 8) {
      const float a[8] = load_eight(left_eights, (left_base + k0) / 8);
      [[unroll]] for (uint k = 0; k < 8; ++k) {
        const float b[8] = load_eight(right_eights, (right_base + (k0 + k) * right_stride + column0) / 8);
        [[unroll]] for (uint j = 0; j < 8; ++j) sums[j] = fma(a[k], b[j], sums[j]);
      }
    }
  } else {
    for (uint k = begin; k < end; ++k) {
      const float a = widen(left[left_base + k * left_stride]);
      [[unroll]] for (uint j = 0; j < 8; ++j)
        sums[j] = fma(a, widen(right[column_base[j] + k * (right_transposed ? 1 : right_stride)]), sums[j]);
    }
  }
  [[unroll]] for (uint j = 0; j < 8; ++j) finish(matrix, row, column0 + j, sums[j], addend_of_row(row));
}
