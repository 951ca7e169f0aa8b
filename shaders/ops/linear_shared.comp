#version 450
// Many rows times packed weights, for GPUs: a workgroup computes a tile of 64 x 64 elements, an invocation 4 x 4 of them, and
// both operands come through shared memory, 32 terms at a time. Sums are those of linear_chunks.glsl, bit for bit.
#define EXPERTS 0
#include "linear.glsl"

#define TILE 64
#define STEP 32
#define OWN 4

layout(local_size_x = 256) in;

layout(set = 0, binding = 0) readonly buffer left_words { WIDE left[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { uvec4 weights[]; };

// [term][row or column]: neighbouring invocations store neighbouring rows.
shared float left_tile[STEP][TILE];
shared float right_tile[STEP][TILE];

void main() {
  const uint tiles_across = (own_columns + TILE - 1) / TILE;
  const uint tiles_down = (rows + TILE - 1) / TILE;
  const uint tile = group_index();
  if (tile >= tiles_down * tiles_across) return;  // the whole workgroup
  const uint row0 = tile % tiles_down * TILE;
  const uint column0 = tile / tiles_down * TILE;

  // What this invocation loads: eight terms, number `part` of the step, of a row of x and of a column.
  const uint line = gl_LocalInvocationID.x % TILE;
  const uint part = gl_LocalInvocationID.x / TILE;
  const uint left_base = min(row0 + line, rows - 1) * left_stride;
  const uint line_column = min(column0 + line, (own_columns + 7) / 8 * 8 - 1);
  const uint right_base = line_column / 8 * 8 * row_words + line_column % 8;
  // What it computes.
  const uint own_row = gl_LocalInvocationID.x / (TILE / OWN) * OWN;
  const uint own_column = gl_LocalInvocationID.x % (TILE / OWN);

  float totals[OWN][OWN];
  [[unroll]] for (uint r = 0; r < OWN; ++r)
    [[unroll]] for (uint c = 0; c < OWN; ++c) totals[r][c] = 0.0;

  const uint eights = (inner + 7) / 8;
  uint k = 0;  // in words of eight elements of x
  uint word = 0;
  while (k < eights) {
    uvec4 header[HEADER_WORDS_MAX];
    [[unroll]] for (uint w = 0; w < header_words; ++w) header[w] = weights[right_base + 8 * (word + w)];
    word += header_words;
    const uint units = min(CHUNK_UNITS, (eights - k + UNIT_EIGHTS - 1) / UNIT_EIGHTS);
    float sums[OWN][OWN];
    [[unroll]] for (uint r = 0; r < OWN; ++r)
      [[unroll]] for (uint c = 0; c < OWN; ++c) sums[r][c] = 0.0;
    for (uint step = 0; step < units * UNIT_EIGHTS / 4; ++step) {
      const uint unit = step * 4 / UNIT_EIGHTS;
      uvec4 words[UNIT_WORDS_MAX];
      [[unroll]] for (uint w = 0; w < unit_words; ++w)
        words[w] = weights[right_base + 8 * (word + unit * unit_words + w)];
      const float b[8] = eight_of(unit_scales(header, unit), header, words, unit, step * 4 % UNIT_EIGHTS + part);
      const uint left_word = k + 4 * step + part;
      const float a[8] = load_eight_if(left, left_base + min(left_word, eights - 1), left_word < eights);
      barrier();  // the tiles of the step before have been used
      [[unroll]] for (uint i = 0; i < 8; ++i) {
        left_tile[8 * part + i][line] = a[i];
        right_tile[8 * part + i][line] = b[i];
      }
      barrier();
      for (uint t0 = 0; t0 < STEP; t0 += 4)
        [[unroll]] for (uint t = t0; t < t0 + 4; ++t) {
        float x[OWN], y[OWN];
        [[unroll]] for (uint r = 0; r < OWN; ++r) x[r] = left_tile[t][own_row + r];
        [[unroll]] for (uint c = 0; c < OWN; ++c) y[c] = right_tile[t][own_column + c * (TILE / OWN)];
        [[unroll]] for (uint r = 0; r < OWN; ++r)
          [[unroll]] for (uint c = 0; c < OWN; ++c) sums[r][c] = fma(x[r], y[c], sums[r][c]);
      }
    }
    [[unroll]] for (uint r = 0; r < OWN; ++r)
      [[unroll]] for (uint c = 0; c < OWN; ++c) totals[r][c] += sums[r][c];
    k += units * UNIT_EIGHTS;
    word += units * unit_words;
  }

  [[unroll]] for (uint c = 0; c < OWN; ++c) {
    const uint column = first_column + column0 + own_column + c * (TILE / OWN);
    const float term = bias_of(column);
    [[unroll]] for (uint r = 0; r < OWN; ++r) finish(row0 + own_row + r, column, totals[r][c], term);
  }
}
