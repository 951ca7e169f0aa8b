// Matrix products for GPUs: a workgroup computes a tile of TILE_ROWS x 64 elements, an invocation OWN_ROWS x OWN_COLUMNS of
// them, and the operands come through shared memory, 16 terms at a time, in whichever order lies together in memory. An
// element is one chain for each slice of `slice_length` terms, added up first to last: here, or by combine_slices.comp
// when the slices are spread over workgroups because there are few tiles. Both give the same bits.
#include "gemm.glsl"

#define TILE_COLUMNS 64
#define STEP 16
#define INVOCATIONS ((TILE_ROWS / OWN_ROWS) * (TILE_COLUMNS / OWN_COLUMNS))

layout(local_size_x = INVOCATIONS) in;
layout(constant_id = 6) const bool left_transposed = false;   // left is [inner][rows]
layout(constant_id = 7) const bool right_transposed = false;  // right is [columns][inner]
layout(constant_id = 8) const bool wide_left = false;         // words of eight elements lie within rows
layout(constant_id = 9) const bool wide_right = false;

layout(set = 0, binding = 0) readonly buffer left_elements { STORED left[]; };
layout(set = 0, binding = 0) readonly buffer left_words { WIDE left_eights[]; };
layout(set = 0, binding = 1) readonly buffer right_elements { STORED right[]; };
layout(set = 0, binding = 1) readonly buffer right_words { WIDE right_eights[]; };

// [term][row or column]; one more, so that stores along the terms meet different banks.
shared float left_tile[STEP][TILE_ROWS + 1];
shared float right_tile[STEP][TILE_COLUMNS + 1];

// Fills a tile of `lines` rows (or columns) from line0 on and terms [k0, k0 + STEP); what is outside is zero. `across`:
// the terms of a line do not lie together, the lines of a term do.
#define FILL(tile, lines, elements, eights, is_wide, across, base, stride, line0, line_count)                  \
  if (is_wide) {                                                                                               \
    for (uint e = gl_LocalInvocationID.x; e < (lines) * STEP / 8; e += INVOCATIONS) {                          \
      const uint line = (across) ? e % ((lines) / 8) * 8 : e / (STEP / 8);                                     \
      const uint term = (across) ? e / ((lines) / 8) : e % (STEP / 8) * 8;                                     \
      const uint outer = (across) ? min(k0 + term, inner - 1) : min((line0) + line, (line_count) - 1);         \
      const uint within = (across) ? min((line0) + line, (line_count) - 8) : min(k0 + term, inner - 8);        \
      const float x[8] = load_eight(eights, ((base) + outer * (stride) + within) / 8);                         \
      [[unroll]] for (uint j = 0; j < 8; ++j) {                                                                \
        const uint l = (across) ? line + j : line;                                                             \
        const uint t = (across) ? term : term + j;                                                             \
        tile[t][l] = (line0) + l < (line_count) && k0 + t < end ? x[j] : 0.0;                                  \
      }                                                                                                        \
    }                                                                                                          \
  } else {                                                                                                     \
    for (uint e = gl_LocalInvocationID.x; e < (lines) * STEP; e += INVOCATIONS) {                              \
      const uint l = (across) ? e % (lines) : e / STEP;                                                        \
      const uint t = (across) ? e / (lines) : e % STEP;                                                        \
      const uint line = min((line0) + l, (line_count) - 1);                                                    \
      const uint k = min(k0 + t, inner - 1);                                                                   \
      const float x = widen(elements[(base) + ((across) ? k * (stride) + line : line * (stride) + k)]);        \
      tile[t][l] = (line0) + l < (line_count) && k0 + t < end ? x : 0.0;                                       \
    }                                                                                                          \
  }

void main() {
  const uint tiles_across = (group_columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const uint tiles_down = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const uint tile = group_index();
  const uint matrix = tile / (tiles_down * tiles_across);
  if (matrix >= matrix_count()) return;  // the whole workgroup
  const uint row0 = tile % tiles_down * TILE_ROWS;
  const uint column0 = tile / tiles_down % tiles_across * TILE_COLUMNS;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);
  right_base -= skipped_terms() * right_stride;  // modulo 2^32, as all indices are
  // Neighbouring invocations own neighbouring columns.
  const uint own_column = gl_LocalInvocationID.x % (TILE_COLUMNS / OWN_COLUMNS);
  const uint own_row = gl_LocalInvocationID.x / (TILE_COLUMNS / OWN_COLUMNS) * OWN_ROWS;

  float totals[OWN_ROWS][OWN_COLUMNS];
  [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r)
    [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c) totals[r][c] = 0.0;

  uint begin = sliced ? first_term() : 0;
  const uint last = sliced ? min(inner, begin + slice_length) : inner;
  for (; begin < last; begin += slice_length) {
    const uint end = min(last, begin + slice_length);
    float sums[OWN_ROWS][OWN_COLUMNS];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r)
      [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c) sums[r][c] = 0.0;
    for (uint k0 = begin; k0 < end; k0 += STEP) {
      barrier();  // the tiles of the step before have been used
      FILL(left_tile, TILE_ROWS, left, left_eights, wide_left, left_transposed, left_base, left_stride, row0, rows)
      FILL(right_tile, TILE_COLUMNS, right, right_eights, wide_right, !right_transposed, right_base, right_stride,
           column0, group_columns)
      barrier();
      [[unroll]] for (uint t = 0; t < STEP; ++t) {
        float a[OWN_ROWS], b[OWN_COLUMNS];
        [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r) a[r] = left_tile[t][own_row + r];
        [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c)
          b[c] = right_tile[t][own_column + c * (TILE_COLUMNS / OWN_COLUMNS)];
        [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r)
          [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c) sums[r][c] = fma(a[r], b[c], sums[r][c]);
      }
    }
    [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r)
      [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c) totals[r][c] += sums[r][c];
  }

  [[unroll]] for (uint r = 0; r < OWN_ROWS; ++r) {
    const float row_addend = addend_of_row(row0 + own_row + r);
    [[unroll]] for (uint c = 0; c < OWN_COLUMNS; ++c) {
      const uint column = first_column + column0 + own_column + c * (TILE_COLUMNS / OWN_COLUMNS);
      finish(matrix, row0 + own_row + r, column, totals[r][c], row_addend, addend_of_column(column));
    }
  }
}
