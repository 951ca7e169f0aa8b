// Products with packed weights for software devices, whose subgroups have eight invocations: a subgroup computes ROWS rows
// of 64 columns, an invocation one column of every eight, which is a row of the weights. Of x an invocation loads
// every eighth row (or, of a single row, every eighth word) and hands it to the others: drivers for the CPU broadcast from
// a constant lane in one instruction. There is no shared memory: its barriers switch stacks there.
//
// Every element is one chain of fused multiply-adds in the order of k, whatever ROWS is.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#if EXPERTS
#extension GL_KHR_shader_subgroup_vote : require
#endif
#include "linear.glsl"
#include "texels.glsl"

#define BLOCKS 8

layout(local_size_x = 8) in;
layout(constant_id = 8) const bool stores_words = false;  // see finish_eight()
// Not 0: the activation of the first half of the columns, which lets through the second half. Tiles then are four blocks of
// each.
layout(constant_id = 9) const uint gate = 0;
// Never set: loops that end here are unrolled by the driver, which knows the format, and not before, for all formats.
layout(constant_id = 10) const uint blocks_of_tile = BLOCKS;

WORDS(0, left);
#if READS_TEXELS
layout(set = 0, binding = 1) uniform usamplerBuffer weights;
#define weight_word(i) texelFetch(weights, int(i))
#else
layout(set = 0, binding = 1) readonly buffer weight_words { uvec4 weights[]; };
#define weight_word(i) weights[i]
#endif

#define HALF (BLOCKS / 2)
#define LOADS ((ROWS + 7) / 8)
#define LOAD_ROWS (ROWS < 8 ? ROWS : 8)

#if ROWS > 1
// Of one block of columns, the eight columns of the row that the invocation ends: invocations exchange columns for rows.
float[8] exchanged(float of_rows[LOAD_ROWS][BLOCKS], uint block) {
  float x[8];
  [[unroll]] for (uint r = 0; r < LOAD_ROWS; ++r) {
    float of_row = of_rows[r][0];
    [[unroll]] for (uint v = 1; v < BLOCKS; ++v) of_row = block == v ? of_rows[r][v] : of_row;
    [[unroll]] for (uint c = 0; c < 8; ++c) {
      const float column = subgroupShuffle(of_row, c);
      x[c] = r == 0 || gl_SubgroupInvocationID == r ? column : x[c];
    }
  }
  return x;
}
#endif

// Stores eight elements that gates `x` let through of `y`. Columns are whole blocks here.
void finish_gated(uint row, uint column, float x[8], float y[8]) {
  const uint width = columns / 2;
  if (row >= rows || column >= width) return;
  for (uint j = 0; j < 8; ++j) {
    const float through = as_stored(finished(y[j], bias_of(width + column + j), 0.0));
    x[j] = activate(gate, 1.0, 0.0, as_stored(finished(x[j], bias_of(column + j), 0.0))) * through;
  }
  store_eight(target_eights, (row * width + column) / 8, x);
}

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint blocks = (own_columns + 7) / 8;
  const uint tiles_down = (rows + ROWS - 1) / ROWS;
  const uint target_blocks = gate == 0 ? blocks : blocks / 2;
  const uint tile_blocks = gate == 0 ? BLOCKS : HALF;
  const uint tiles_across = (target_blocks + tile_blocks - 1) / tile_blocks;
  const uint tile = group_index();
  if (tile >= tiles_down * tiles_across) return;
  const uint row0 = tile % tiles_down * ROWS;  // down first: the weights stay in the cache
#if ROWS == 1 && !EXPERTS
  // What a thread reads for its next tile lies behind what it read for this one: eight long streams, not many short ones.
  const uint block0 = tile, block_step = tiles_across;
#else
  const uint block0 = tile / tiles_down * tile_blocks, block_step = 1;
#endif

  // Rows and columns past the edge repeat the last ones and are not stored.
  uint row_word[LOADS];
  uint at[BLOCKS];
#if EXPERTS
  row_word[0] = row0 / slots * left_stride;
  bool here[BLOCKS];
  bool any_here = false;
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
    uint row;
    here[v] = find_row(row0, 8 * (block0 + v) + lane, row);
    any_here = any_here || here[v];
    at[v] = row / 8 * 8 * row_words + row % 8;
  }
  if (!subgroupAny(any_here)) return;
#else
  [[unroll]] for (uint r = 0; r < LOADS; ++r)
    row_word[r] = min(row0 + 8 * r + (ROWS == 1 ? 0 : lane), rows - 1) * left_stride;
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
    const uint block = block0 + (gate == 0 ? v : v % HALF) * block_step;
    at[v] = (min(block, target_blocks - 1) + (gate != 0 && v >= HALF ? target_blocks : 0)) * 8 * row_words + lane;
  }
#endif

  float sums[ROWS][BLOCKS];
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    [[unroll]] for (uint v = 0; v < BLOCKS; ++v) sums[r][v] = 0.0;

  const uint eights = (inner + 7) / 8;
  uint k = 0;     // in words of eight elements of x
  uint word = 0;  // of the row of weights
  // Tested at their end: drivers for the CPU go through a loop that is tested first once more than it says, for no lane.
  do {
    uvec4 header[BLOCKS][HEADER_WORDS_MAX];
    [[unroll]] for (uint v = 0; v < blocks_of_tile; ++v)
      [[unroll]] for (uint w = 0; w < header_words; ++w) header[v][w] = weight_word(at[v] + 8 * (word + w));
    word += header_words;
    const uint units = min(CHUNK_UNITS, (eights - k + UNIT_EIGHTS - 1) / UNIT_EIGHTS);
    uint unit = 0;
    do {
      uvec4 words[BLOCKS][UNIT_WORDS_MAX];
      vec2 scales[BLOCKS];
      [[unroll]] for (uint v = 0; v < blocks_of_tile; ++v) {
        scales[v] = unit_scales(header[v], unit);
        [[unroll]] for (uint w = 0; w < unit_words; ++w) words[v][w] = weight_word(at[v] + 8 * (word + w));
      }
#if ROWS == 1
      const uint own_word = k + lane % UNIT_EIGHTS;
      const float own[8] = read_eight_if(left, row_word[0] + min(own_word, eights - 1), own_word < eights);
      [[unroll]] for (uint j = 0; j < UNIT_EIGHTS; ++j) {
        float a[8];
        [[unroll]] for (uint i = 0; i < 8; ++i) a[i] = subgroupShuffle(own[i], j);
        [[unroll]] for (uint v = 0; v < blocks_of_tile; ++v) {
          const float b[8] = eight_of(scales[v], header[v], words[v], unit, j);
          [[unroll]] for (uint i = 0; i < 8; ++i) sums[0][v] = fma(a[i], b[i], sums[0][v]);
        }
      }
      k += UNIT_EIGHTS;
#else
      uint j = 0;
      do {
        float b[BLOCKS][8];
        [[unroll]] for (uint v = 0; v < blocks_of_tile; ++v) b[v] = eight_of(scales[v], header[v], words[v], unit, j);
        [[unroll]] for (uint load = 0; load < LOADS; ++load) {
          const float own[8] = read_eight(left, row_word[load] + k);
          [[unroll]] for (uint r = 0; r < LOAD_ROWS; ++r) {
            float a[8];
            [[unroll]] for (uint i = 0; i < 8; ++i) a[i] = subgroupShuffle(own[i], r);
            // A sum takes its eight products one after the other: it then stays in a register meanwhile.
            [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
              float sum = sums[8 * load + r][v];
              [[unroll]] for (uint i = 0; i < 8; ++i) sum = fma(a[i], b[v][i], sum);
              sums[8 * load + r][v] = sum;
            }
          }
        }
        ++k;
      } while (++j < UNIT_EIGHTS && k < eights);
#endif
      word += unit_words;
    } while (++unit < units);
  } while (k < eights);

  const uint column0 = first_column + 8 * block0;
#if EXPERTS
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v) {
    const uint column = column0 + 8 * v + lane;
    if (here[v]) finish(row0, column, sums[0][v], bias_of(column));
  }
#elif ROWS == 1
  // Invocations exchange columns for blocks, so that each ends eight neighbours, which are one word.
  float x[8], y[8];
  [[unroll]] for (uint v = 0; v < BLOCKS; ++v)
    [[unroll]] for (uint c = 0; c < 8; ++c) {
      const float exchanged = subgroupShuffle(sums[0][v], c);
      x[c] = v == 0 || lane == v ? exchanged : x[c];
      y[c] = v <= HALF || lane + HALF == v ? exchanged : y[c];
    }
  const uint column = column0 + 8 * block_step * lane;
  if (gate == 0) {
    finish_eight(row0, column, stores_words, x);
  } else if (lane < HALF) {
    finish_gated(row0, column, x, y);
  }
#else
  // The same, columns for rows. Loops: with all words of the tile side by side this would be most of the kernel, and of
  // the time to compile it.
  [[dont_unroll]] for (uint load = 0; load < LOADS; ++load) {
    float of_rows[LOAD_ROWS][BLOCKS];
    [[unroll]] for (uint l = 0; l < LOADS; ++l)
      [[unroll]] for (uint r = 0; r < LOAD_ROWS; ++r)
        [[unroll]] for (uint v = 0; v < BLOCKS; ++v)
          of_rows[r][v] = l == 0 || load == l ? sums[8 * l + r][v] : of_rows[r][v];
    const uint row = row0 + 8 * load + lane;
    [[dont_unroll]] for (uint block = 0; block < tile_blocks; ++block) {
      const float x[8] = exchanged(of_rows, block);
      const uint column = column0 + 8 * block;
      if (gate == 0) {
        if (lane < LOAD_ROWS) finish_eight(row, column, stores_words, x);
      } else {
        const float y[8] = exchanged(of_rows, block + HALF);
        if (lane < LOAD_ROWS) finish_gated(row, column, x, y);
      }
    }
  }
#endif
}
