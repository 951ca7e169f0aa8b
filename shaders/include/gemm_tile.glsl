// Matrix products of many rows: an invocation computes a tile of 8 x 8 elements. Rows of both operands start at multiples
// of eight elements and are padded with zeros to multiples of eight (align_matrix.comp sees to it), as is the number of
// rows of a right operand that is not transposed.
//
// With SHARES_ROWS the eight invocations of a subgroup work on tiles of the same rows: each loads one row and all take
// every row from its owner. Drivers for the CPU gather a load element by element, but broadcast at no cost.
#include "gemm.glsl"
#include "subgroup_rows.glsl"

void main() {
  uint tiles_across = (columns + 7) / 8;
  if (SHARES_ROWS != 0) tiles_across = (tiles_across + 7) / 8 * 8;
  const uint tiles_down = (rows + 7) / 8;
  const uint i = global_index();
  const uint matrix = i / (tiles_across * tiles_down);
  if (matrix >= matrices) return;
  const uint row0 = i / tiles_across % tiles_down * 8;
  const uint column0 = i % tiles_across * 8;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);

  // Rows and columns past the edge repeat the last ones and are not stored.
  uint own_rows[OWN_ROWS];
  [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r)
    own_rows[r] = (left_base + min(row0 + own_row(r), rows - 1) * left_row_stride) / 8;
  const uint last = columns - 1;
  uint column_base[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) column_base[j] = (right_base + min(column0 + j, last) * right_stride) / 8;
  const uint right_row0 = (right_base + min(column0, last / 8 * 8)) / 8;

  float sums[8][8];
  [[unroll]] for (uint r = 0; r < 8; ++r)
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[r][j] = 0.0;

  const uint begin = gl_WorkGroupID.z * slice_length;
  const uint end = min(inner, begin + slice_length);
  for (uint k0 = begin; k0 < end; k0 += 8) {
    float own[OWN_ROWS][8];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r) own[r] = load_eight(left_eights, own_rows[r] + k0 / 8);
    if (right_transposed) {
      float b[8][8];
      [[unroll]] for (uint j = 0; j < 8; ++j) b[j] = load_eight(right_eights, column_base[j] + k0 / 8);
      [[unroll]] for (uint r = 0; r < 8; ++r)
        [[unroll]] for (uint k = 0; k < 8; ++k) {
          const float a = from_owner(own, r, k);
          [[unroll]] for (uint j = 0; j < 8; ++j) sums[r][j] = fma(a, b[j][k], sums[r][j]);
        }
    } else {
      [[unroll]] for (uint k = 0; k < 8; ++k) {
        const float b[8] = load_eight(right_eights, right_row0 + (k0 + k) * (right_stride / 8));
        [[unroll]] for (uint r = 0; r < 8; ++r) {
          const float a = from_owner(own, r, k);
          [[unroll]] for (uint j = 0; j < 8; ++j) sums[r][j] = fma(a, b[j], sums[r][j]);
        }
      }
    }
  }
  [[unroll]] for (uint r = 0; r < 8; ++r) {
    const float row_addend = addend_of_row(row0 + r);
    [[unroll]] for (uint j = 0; j < 8; ++j) finish(matrix, row0 + r, column0 + j, sums[r][j], row_addend);
  }
}
