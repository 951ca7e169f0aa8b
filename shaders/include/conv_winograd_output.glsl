// The last of three steps, see winograd.glsl: an invocation brings four channels of one tile back from the points, and
// ends them as conv_blocks.glsl does. READS_TEXELS: see texels.glsl.
#include "activation.glsl"
#include "division.glsl"
#include "indexing.glsl"
#include "texels.glsl"
#include "vector_store.glsl"
#include "winograd.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint activation = 0;
layout(constant_id = 1) const bool has_residual = false;

FOURS(0, products);
WORDS(1, bias);
WORDS(2, residual);
#if TROUPE_STORAGE_F16
layout(set = 0, binding = 3) writeonly buffer target_fours { uvec2 target[]; };
#define store_four(i, four) target[i] = uvec2(pack_pair(four[0], four[1]), pack_pair(four[2], four[3]))
#else
layout(set = 0, binding = 3) writeonly buffer target_fours { vec4 target[]; };
#define store_four(i, four) target[i] = four
#endif

layout(push_constant) uniform parameters {
  uint positions, first_position;  // of this dispatch, out of those of all images
  uint outputs;  // channels
  uint out_y, out_x;
  uint tiles_y, tiles_x;
  uint has_bias;
  float activation_a, activation_b;
};

vec4 four_of(WORD word, uint half_word) {
  return half_word == 0 ? vec4(pair_of(word, 0), pair_of(word, 1)) : vec4(pair_of(word, 2), pair_of(word, 3));
}

void main() {
  const uint blocks = (outputs + 7) / 8;
  const uint i = global_index();  // [block, half of it, position]
  if (i >= 2 * blocks * positions) return;
  uint channels, position, image, tile, tile_y, tile_x;
  divide(i, positions, channels, position);
  divide(first_position + position, tiles_y * tiles_x, image, tile);
  divide(tile, tiles_x, tile_y, tile_x);
  const uint block = channels / 2, half_word = channels % 2;

  vec4 rows[4][6];
  [[unroll]] for (uint x = 0; x < 6; ++x) {
    vec4 column[6];
    [[unroll]] for (uint y = 0; y < 6; ++y)
      column[y] = read_four(products, (((6 * y + x) * blocks + block) * positions + position) * 2 + half_word);
    const vec4 four[4] = transform_output(column);
    [[unroll]] for (uint y = 0; y < 4; ++y) rows[y][x] = four[y];
  }
  const vec4 offset = has_bias != 0 ? four_of(read_word(bias, block), half_word) : vec4(0.0);
  [[unroll]] for (uint y = 0; y < 4; ++y) {
    const vec4 row[4] = transform_output(rows[y]);
    [[unroll]] for (uint x = 0; x < 4; ++x) {
      const uint at_y = 4 * tile_y + y, at_x = 4 * tile_x + x;
      const bool stores = at_y < out_y && at_x < out_x;
      const uint plane = (image * blocks + block) * out_y * out_x;
      const uint word = plane + (stores ? at_y * out_x + at_x : 0);
      vec4 result = row[x] + offset;
      if (has_residual) result += four_of(read_word(residual, word), half_word);
      for (uint j = 0; j < 4; ++j)  // 64 copies of the activation would be most of the kernel
        result[j] = 8 * block + 4 * half_word + j < outputs ? activate(activation, activation_a, activation_b, result[j])
                                                            : 0.0;
      if (stores) {
        store_four(2 * word + half_word, result);
      }
    }
  }
}
