// Matrix products for software devices, whose subgroups have eight invocations: a subgroup computes ROWS rows of
// 8 * BLOCKS columns, an invocation one column of every eight. The right operand is packed (pack_matrix.comp), so that an
// invocation's eight terms are one load; rows of the left operand start at multiples of eight elements and are padded
// with zeros. Of the left operand an invocation loads every eighth row, and hands it to the others: drivers for the CPU
// broadcast from a constant lane in one instruction. There is no shared memory: its barriers switch stacks there.
//
// Every element is one chain of fused multiply-adds in the order of k, whatever ROWS is.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "gemm.glsl"
#include "texels.glsl"
#include "weight_codes.glsl"

layout(local_size_x = 8 * SUBGROUPS) in;
layout(constant_id = 6) const bool stores_words = false;  // see finish_eight()

layout(constant_id = 7) const bool coded = false;  // the right operand: see weight_codes.glsl

WORDS(0, left);
WORDS(1, right);

#if TROUPE_STORAGE_F16
vec2 terms_of(uvec4 word, uint pair) { return coded ? decode_pair(word[pair]) : unpackHalf2x16(word[pair]); }
#else
#define terms_of(word, pair) pair_of(word, pair)
#endif

float[8] read_left(uint word) {
  float x[8] = read_eight(left, word);
  if (coded) {
    [[unroll]] for (uint j = 0; j < 8; ++j) x[j] *= CODE_SCALE;
  }
  return x;
}

float[8] read_right(uint word) {
  const WORD terms = read_word(right, word);
  const vec2 a = terms_of(terms, 0), b = terms_of(terms, 1), c = terms_of(terms, 2), d = terms_of(terms, 3);
  return float[8](a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y);
}

#define LOADS ((ROWS + 7) / 8)

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint blocks = (group_columns + 7) / 8;
  const uint tiles_down = (rows + ROWS - 1) / ROWS;
  const uint tiles_across = (blocks + BLOCKS - 1) / BLOCKS;
  const uint tile = group_index() * SUBGROUPS + gl_SubgroupID;
  const uint matrix = tile / (tiles_down * tiles_across);
  if (matrix >= matrix_count()) return;
  const uint row0 = tile % tiles_down * ROWS;  // down first: the columns' operands stay in the cache
  const uint block0 = tile / tiles_down % tiles_across * BLOCKS;
  uint left_base, right_base;
  find_matrix(matrix, left_base, right_base);

  // Rows and columns past the edge repeat the last ones and are not stored.
  uint row_word[LOADS];
  [[unroll]] for (uint r = 0; r < LOADS; ++r)
    row_word[r] = (left_base + min(row0 + 8 * r + (ROWS == 1 ? 0 : lane), rows - 1) * left_stride) / 8;
  uint column_word[BLOCKS];
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v)
    column_word[v] = (right_base + min(block0 + v, blocks - 1) * right_stride) / 8 + lane;

  float sums[ROWS][BLOCKS];
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint v = 0; v < BLOCKS; ++v) sums[r][v] = 0.0;

  const uint begin = gl_WorkGroupID.z * (slice_length / 8);
  const uint end = min((inner + 7) / 8, begin + slice_length / 8);
#if ROWS == 1
  // Invocations load a word each of the row and hand it around, eight words at a time; what is left goes word by word.
  uint k = begin;
  for (; k + 8 <= end; k += 8) {
    const float own[8] = read_left(row_word[0] + k + lane);
    [[unroll]] for (uint word = 0; word < 8; ++word) {
      WORD b[BLOCKS];  // unpacked late: as floats they would need twice the registers
      [[unroll]] for (uint v = 0; v < BLOCKS; ++v) b[v] = read_word(right, column_word[v] + 8 * (k + word));
      [[unroll]] for (uint pair = 0; pair < 4; ++pair) {
        const float a0 = subgroupShuffle(own[2 * pair], word), a1 = subgroupShuffle(own[2 * pair + 1], word);
        [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
          const vec2 terms = terms_of(b[v], pair);
          sums[0][v] = fma(a1, terms.y, fma(a0, terms.x, sums[0][v]));
        }
      }
    }
  }
  for (; k < end; ++k) {
    const float a[8] = read_left(row_word[0] + k);
    [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
      const float b[8] = read_right(column_word[v] + 8 * k);
      [[unroll]] for (uint j = 0; j < 8; ++j) sums[0][v] = fma(a[j], b[j], sums[0][v]);
    }
  }
#else
  for (uint k = begin; k < end; ++k) {
    float b[BLOCKS][8];
    [[unroll]] for (uint v = 0; v < BLOCKS; ++v) b[v] = read_right(column_word[v] + 8 * k);
    [[unroll]] for (uint load = 0; load < LOADS; ++load) {
      const float own[8] = read_left(row_word[load] + k);
      [[unroll]] for (uint i = 0; i < min(8, ROWS); ++i) {
        float a[8];
        [[unroll]] for (uint j = 0; j < 8; ++j) a[j] = subgroupShuffle(own[j], i);
        // A sum takes its eight products one after the other: it then stays in a register meanwhile.
        [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
          float sum = sums[8 * load + i][v];
          [[unroll]] for (uint j = 0; j < 8; ++j) sum = fma(a[j], b[v][j], sum);
          sums[8 * load + i][v] = sum;
        }
      }
    }
  }
#endif
  if (coded) {
    [[unroll]] for (uint r = 0; r < ROWS; ++r)
      [[unroll]] for (uint v = 0; v < BLOCKS; ++v) sums[r][v] *= CODE_RESCALE;
  }
  const uint column0 = first_column + 8 * block0;
#if ROWS == 1
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
    const uint column = column0 + 8 * v + lane;
    finish(matrix, row0, column, sums[0][v], addend_of_row(row0), addend_of_column(column));
  }
#else
  // Invocations exchange columns for rows, so that each ends eight neighbours, which are one word.
  [[unroll]] for (uint load = 0; load < LOADS; ++load)
    [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
      float x[8];
      [[unroll]] for (uint c = 0; c < 8; ++c) {
        x[c] = 0.0;
        [[unroll]] for (uint i = 0; i < min(8, ROWS); ++i) {
          const float of_row = subgroupShuffle(sums[8 * load + i][v], c);
          x[c] = lane == i ? of_row : x[c];
        }
      }
      if (lane < ROWS) finish_eight(matrix, row0 + 8 * load + lane, column0 + 8 * v, stores_words, x);
    }
#endif
}
