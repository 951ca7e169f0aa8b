#version 450
// Products of few rows with a matrix that is used once: packing it would cost more than the product. An invocation
// computes eight neighbouring columns of one row.
#include "gemm.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 6) const bool left_transposed = false;   // left is [inner][rows]
layout(constant_id = 7) const bool right_transposed = false;  // right is [columns][inner]
layout(constant_id = 8) const bool wide = false;  // both operands can be read eight elements at a time

layout(set = 0, binding = 0) readonly buffer left_elements { STORED left[]; };
layout(set = 0, binding = 0) readonly buffer left_words { WIDE left_eights[]; };
layout(set = 0, binding = 1) readonly buffer right_elements { STORED right[]; };
layout(set = 0, binding = 1) readonly buffer right_words { WIDE right_eights[]; };

void main() {
  const uint columns_eighth = (columns + 7) / 8;
  const uint i = global_index();
  const uint matrix = i / (columns_eighth * rows);
  if (matrix >= matrix_count()) return;
  const uint row = i / columns_eighth % rows;
  const uint column0 = i % columns_eighth * 8;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);
  left_base += row * (left_transposed ? 1 : left_stride);

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
      const float a = widen(left[left_base + k * (left_transposed ? left_stride : 1)]);
      [[unroll]] for (uint j = 0; j < 8; ++j)
        sums[j] = fma(a, widen(right[column_base[j] + k * (right_transposed ? 1 : right_stride)]), sums[j]);
    }
  }
  [[unroll]] for (uint j = 0; j < 8; ++j)
    finish(matrix, row, column0 + j, sums[j], addend_of_row(row), addend_of_column(column0 + j));
}
