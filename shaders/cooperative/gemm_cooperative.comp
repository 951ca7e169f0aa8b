#version 450
// Matrix products for GPUs with matrix units (VK_KHR_cooperative_matrix): binary16 factors, fp32 sums. A unit multiplies
// [unit_rows, unit_terms] by [unit_terms, unit_columns], in the sizes that the device offers. A workgroup computes a tile
// of several units in both directions; the operands come through shared memory, STEP terms at a time, lying there as they
// lie in memory.
//
// An element's terms are added up unit by unit in the order of k, one sum for each slice of `slice_length` terms, slices
// first to last: its bits depend on its row and its column, not on the tile. Within a unit the order is the device's.
//
// Debian 12's compiler does not know this language: builds use the SPIR-V in gemm_cooperative.spvasm, which
// scripts/cooperative_kernels.py makes and checks.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "gemm.glsl"

#define STEP 32  // a multiple of every unit_terms that the host chooses

layout(local_size_x_id = 17) in;  // a multiple of the subgroup size
layout(constant_id = 6) const bool left_transposed = false;   // left is [inner][rows]
layout(constant_id = 7) const bool right_transposed = false;  // right is [columns][inner]
layout(constant_id = 8) const bool wide_left = false;         // words of eight elements lie within rows
layout(constant_id = 9) const bool wide_right = false;
layout(constant_id = 10) const uint unit_rows = 16;       // these three: multiples of eight
layout(constant_id = 11) const uint unit_columns = 16;
layout(constant_id = 12) const uint unit_terms = 16;
layout(constant_id = 13) const uint parts_down = 2;  // of a tile; one subgroup computes one part at a time
layout(constant_id = 14) const uint parts_across = 2;
layout(constant_id = 15) const uint units_down = 2;  // of a part
layout(constant_id = 16) const uint units_across = 2;

const uint tile_rows = parts_down * units_down * unit_rows;
const uint tile_columns = parts_across * units_across * unit_columns;
const uint parts = parts_down * parts_across;
const uint unit_size = unit_rows * unit_columns;

layout(set = 0, binding = 0) readonly buffer left_elements { STORED left[]; };
layout(set = 0, binding = 0) readonly buffer left_words { WIDE left_eights[]; };
layout(set = 0, binding = 1) readonly buffer right_elements { STORED right[]; };
layout(set = 0, binding = 1) readonly buffer right_words { WIDE right_eights[]; };

// A tile in shared memory is so many lines of so many elements, counted in vectors of four; eight elements more at the
// end of a line, so that what lies across lines is in different banks.
const uint left_lines = left_transposed ? STEP : tile_rows;
const uint left_length = left_transposed ? tile_rows : STEP;
const uint right_lines = right_transposed ? tile_columns : STEP;
const uint right_length = right_transposed ? STEP : tile_columns;
const uint left_pitch = (left_length + 8) / 4;
const uint right_pitch = (right_length + 8) / 4;
shared f16vec4 left_tile[left_lines * left_pitch];
shared f16vec4 right_tile[right_lines * right_pitch];
shared float finished[parts * unit_size];  // one unit of sums of each part

#define MATRIX_A coopmat<float16_t, gl_ScopeSubgroup, unit_rows, unit_terms, gl_MatrixUseA>
#define MATRIX_B coopmat<float16_t, gl_ScopeSubgroup, unit_terms, unit_columns, gl_MatrixUseB>
#define MATRIX_SUM coopmat<float, gl_ScopeSubgroup, unit_rows, unit_columns, gl_MatrixUseAccumulator>

// Fills a tile; what is outside is zero. Its line 0 is line line0 of line_end in memory, its elements begin at element0
// of length_end; lines lie `stride` elements apart from `base` on.
#define FILL(tile, lines, length, pitch, elements, eights, is_wide, base, stride)                                     \
  for (uint e = gl_LocalInvocationID.x; e < lines * (length / 8); e += gl_WorkGroupSize.x) {                          \
    const uint line = e / (length / 8);                                                                               \
    const uint element = element0 + e % (length / 8) * 8;                                                             \
    const bool in_line = line0 + line < line_end;                                                                     \
    const uint from = base + min(line0 + line, line_end - 1) * stride;                                                \
    f16vec4 low, high;                                                                                                \
    if (is_wide) {                                                                                                    \
      const uvec4 word = word_if(eights[(from + min(element, length_end - 8)) / 8], in_line && element < length_end); \
      low = f16vec4(unpackFloat2x16(word.x), unpackFloat2x16(word.y));                                                \
      high = f16vec4(unpackFloat2x16(word.z), unpackFloat2x16(word.w));                                               \
    } else {                                                                                                          \
      [[unroll]] for (uint j = 0; j < 4; ++j) {                                                                       \
        const uint at = element + j;                                                                                  \
        low[j] = in_line && at < length_end ? elements[from + min(at, length_end - 1)] : float16_t(0.0);              \
        high[j] = in_line && at + 4 < length_end ? elements[from + min(at + 4, length_end - 1)] : float16_t(0.0);     \
      }                                                                                                               \
    }                                                                                                                 \
    const uint to = line * pitch + e % (length / 8) * 2;                                                              \
    tile[to] = low;                                                                                                   \
    tile[to + 1] = high;                                                                                              \
  }

void fill_left(uint base, uint row0, uint k0, uint end) {
  const uint line0 = left_transposed ? k0 : row0, line_end = left_transposed ? end : rows;
  const uint element0 = left_transposed ? row0 : k0, length_end = left_transposed ? rows : end;
  FILL(left_tile, left_lines, left_length, left_pitch, left, left_eights, wide_left, base, left_stride)
}

void fill_right(uint base, uint column0, uint k0, uint end) {
  const uint line0 = right_transposed ? column0 : k0, line_end = right_transposed ? group_columns : end;
  const uint element0 = right_transposed ? k0 : column0, length_end = right_transposed ? end : group_columns;
  FILL(right_tile, right_lines, right_length, right_pitch, right, right_eights, wide_right, base, right_stride)
}

// Units of a tile, counted from its first row (or column) and term.
MATRIX_A left_unit(uint row, uint term) {
  MATRIX_A a;
  if (left_transposed)
    coopMatLoad(a, left_tile, term * left_pitch + row / 4, left_pitch, gl_CooperativeMatrixLayoutColumnMajor);
  else
    coopMatLoad(a, left_tile, row * left_pitch + term / 4, left_pitch, gl_CooperativeMatrixLayoutRowMajor);
  return a;
}

MATRIX_B right_unit(uint term, uint column) {
  MATRIX_B b;
  if (right_transposed)
    coopMatLoad(b, right_tile, column * right_pitch + term / 4, right_pitch, gl_CooperativeMatrixLayoutColumnMajor);
  else
    coopMatLoad(b, right_tile, term * right_pitch + column / 4, right_pitch, gl_CooperativeMatrixLayoutRowMajor);
  return b;
}

void main() {
  const uint tiles_across = (group_columns + tile_columns - 1) / tile_columns;
  const uint tiles_down = (rows + tile_rows - 1) / tile_rows;
  const uint tile = group_index();
  const uint matrix = tile / (tiles_down * tiles_across);
  if (matrix >= matrix_count()) return;  // the whole workgroup
  const uint row0 = tile % tiles_down * tile_rows;
  const uint column0 = tile / tiles_down % tiles_across * tile_columns;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);
  right_base -= skipped_terms() * right_stride;  // modulo 2^32, as all indices are
  const uint first = sliced ? first_term() : 0;
  const uint last = sliced ? min(inner, first + slice_length) : inner;

  // As a rule there are as many subgroups as parts, and this is one round. A driver may take smaller subgroups than it
  // says, though; then there are more rounds, and if it takes larger ones, some subgroups only fill tiles.
  for (uint part0 = 0; part0 < parts; part0 += gl_NumSubgroups) {
    const uint part = part0 + gl_SubgroupID;
    const uint part_row = part / parts_across * units_down * unit_rows;
    const uint part_column = part % parts_across * units_across * unit_columns;

    MATRIX_SUM totals[units_down * units_across];
    for (uint i = 0; i < units_down * units_across; ++i) totals[i] = MATRIX_SUM(0.0);
    for (uint begin = first; begin < last; begin += slice_length) {
      const uint end = min(last, begin + slice_length);
      MATRIX_SUM sums[units_down * units_across];
      for (uint i = 0; i < units_down * units_across; ++i) sums[i] = MATRIX_SUM(0.0);
      for (uint k0 = begin; k0 < end; k0 += STEP) {
        barrier();  // the tiles of the step before have been used
        fill_left(left_base, row0, k0, end);
        fill_right(right_base, column0, k0, end);
        barrier();
        if (part >= parts) continue;
        for (uint term = 0; term < STEP; term += unit_terms) {
          MATRIX_A a[units_down];
          for (uint r = 0; r < units_down; ++r) a[r] = left_unit(part_row + r * unit_rows, term);
          for (uint c = 0; c < units_across; ++c) {
            const MATRIX_B b = right_unit(term, part_column + c * unit_columns);
            for (uint r = 0; r < units_down; ++r)
              sums[c * units_down + r] = coopMatMulAdd(a[r], b, sums[c * units_down + r]);
          }
        }
      }
      for (uint i = 0; i < units_down * units_across; ++i) totals[i] += sums[i];
    }

    if (part >= parts) continue;
    for (uint c = 0; c < units_across; ++c)
      for (uint r = 0; r < units_down; ++r) {
        subgroupBarrier();  // the unit before has been stored
        coopMatStore(totals[c * units_down + r], finished, part * unit_size, unit_columns,
                     gl_CooperativeMatrixLayoutRowMajor);
        subgroupBarrier();
        const uint unit_row = row0 + part_row + r * unit_rows;
        const uint unit_column = first_column + column0 + part_column + c * unit_columns;
        for (uint e = gl_SubgroupInvocationID; e < unit_size; e += gl_SubgroupSize) {
          const uint row = unit_row + e / unit_columns, column = unit_column + e % unit_columns;
          finish(matrix, row, column, finished[part * unit_size + e], addend_of_row(row), addend_of_column(column));
        }
      }
  }
}
