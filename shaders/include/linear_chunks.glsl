// Few rows times packed weights, for GPUs: a workgroup makes ROWS rows of eight columns, and eight invocations at a time a
// chunk of 256 terms. Every element is one chain of fused multiply-adds for each chunk, and the chunks are added up first to
// last: as linear_shared.glsl does, so that an element's bits do not depend on the number of rows.
#include "linear.glsl"

#define CHUNKS 16  // at a time

layout(local_size_x = 8 * CHUNKS) in;

layout(set = 0, binding = 0) readonly buffer left_words { WIDE left[]; };
layout(set = 0, binding = 1) readonly buffer weight_words { uvec4 weights[]; };

shared float sums_of_chunks[CHUNKS][ROWS][8];

void main() {
  const uint lane = gl_LocalInvocationID.x % 8;
  const uint slot = gl_LocalInvocationID.x / 8;
  const uint blocks = (own_columns + 7) / 8;
  const uint tile = group_index();
  const uint rows_of_tiles = (rows + ROWS - 1) / ROWS;
  if (tile >= rows_of_tiles * blocks) return;  // the whole workgroup
  const uint row0 = tile % rows_of_tiles * ROWS;
  const uint block = tile / rows_of_tiles;
#if EXPERTS
  uint row;
  const bool here = find_row(row0, 8 * block + lane, row);
  const uint base = row / 8 * 8 * row_words + row % 8;
  const uint left_row = row0 / slots;
#else
  const uint base = block * 8 * row_words + lane;
#endif
  const uint chunk_words = header_words + CHUNK_UNITS * unit_words;

  const uint eights = (inner + 7) / 8;
  const uint chunks = (inner + CHUNK - 1) / CHUNK;
  float totals[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; ++r) totals[r] = 0.0;
  for (uint first = 0; first < chunks; first += CHUNKS) {
    const uint chunk = first + slot;
    float sums[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) sums[r] = 0.0;
    if (chunk < chunks) {
      uint word = base + 8 * chunk * chunk_words;
      uvec4 header[HEADER_WORDS_MAX];
      [[unroll]] for (uint w = 0; w < header_words; ++w) header[w] = weights[word + 8 * w];
      word += 8 * header_words;
      uint k = chunk * (CHUNK / 8);  // in words of eight elements of x
      const uint units = min(CHUNK_UNITS, (eights - k + UNIT_EIGHTS - 1) / UNIT_EIGHTS);
      for (uint unit = 0; unit < units; ++unit) {
        uvec4 words[UNIT_WORDS_MAX];
        [[unroll]] for (uint w = 0; w < unit_words; ++w) words[w] = weights[word + 8 * w];
        word += 8 * unit_words;
        [[unroll]] for (uint j = 0; j < UNIT_EIGHTS; ++j, ++k) {
          const float b[8] = eight_of(unit_scales(header, unit), header, words, unit, j);
          [[unroll]] for (uint r = 0; r < ROWS; ++r) {
#if !EXPERTS
            const uint left_row = min(row0 + r, rows - 1);
#endif
            const uint left_word = left_row * left_stride + min(k, eights - 1);
            const float a[8] = load_eight_if(left, left_word, k < eights);
            [[unroll]] for (uint i = 0; i < 8; ++i) sums[r] = fma(a[i], b[i], sums[r]);
          }
        }
      }
    }
    [[unroll]] for (uint r = 0; r < ROWS; ++r) sums_of_chunks[slot][r][lane] = sums[r];
    barrier();
    if (slot == 0)
      for (uint c = 0; c < min(CHUNKS, chunks - first); ++c)
        [[unroll]] for (uint r = 0; r < ROWS; ++r) totals[r] += sums_of_chunks[c][r][lane];
    barrier();
  }
  if (slot != 0) return;
#if EXPERTS
  if (!here) return;
#endif
  const uint column = first_column + 8 * block + lane;
  [[unroll]] for (uint r = 0; r < ROWS; ++r) finish(row0 + r, column, totals[r], bias_of(column));
}
