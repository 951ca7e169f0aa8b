// The first of three steps, see winograd.glsl: an invocation brings two channels of one tile of the input to the points.
// Eight channels would be four times the code to compile. READS_TEXELS: see texels.glsl.
#include "division.glsl"
#include "indexing.glsl"
#include "texels.glsl"
#include "winograd.glsl"

layout(local_size_x = 64) in;

WORDS(0, source);
layout(set = 0, binding = 1) writeonly buffer target_pairs { vec2 target[]; };

layout(push_constant) uniform parameters {
  uint positions, first_position;  // of this dispatch, out of those of all images
  uint blocks;  // of eight channels
  uint in_y, in_x;
  uint tiles_y, tiles_x;
  int pad_y, pad_x;
};

void main() {
  const uint i = global_index();  // [block, pair of channels, position]
  if (i >= 4 * blocks * positions) return;
  uint channels, position, image, tile, tile_y, tile_x;
  divide(i, positions, channels, position);
  divide(first_position + position, tiles_y * tiles_x, image, tile);
  divide(tile, tiles_x, tile_y, tile_x);
  const uint block = channels / 4, pair = channels % 4;
  const uint base = (image * blocks + block) * in_y * in_x;
  const int y0 = int(4 * tile_y) - pad_y, x0 = int(4 * tile_x) - pad_x;

  vec2 points[6][6];
  [[unroll]] for (int x = 0; x < 6; ++x) {
    vec2 column[6];
    [[unroll]] for (int y = 0; y < 6; ++y) {
      const bool inside = uint(y0 + y) < in_y && uint(x0 + x) < in_x;
      const WORD word = read_word(source, inside ? base + uint(y0 + y) * in_x + uint(x0 + x) : base);
      column[y] = inside ? pair_of(word, pair) : vec2(0.0);
    }
    column = transform_input(column);
    [[unroll]] for (int y = 0; y < 6; ++y) points[y][x] = column[y];
  }
  [[unroll]] for (int y = 0; y < 6; ++y) {
    const vec2 row[6] = transform_input(points[y]);
    [[unroll]] for (int x = 0; x < 6; ++x)
      target[((uint(6 * y + x) * blocks + block) * positions + position) * 4 + pair] = row[x];
  }
}
