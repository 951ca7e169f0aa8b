// Eight neighbouring elements at once. A buffer read this way is declared a second time, under the same binding, as
// WIDE words: one uvec4 holds eight binary16, two vec4 hold eight floats. Drivers for the CPU gather element by element,
// so that one wide load costs little more than one element.
#ifndef TROUPE_VECTORS_GLSL
#define TROUPE_VECTORS_GLSL

#include "precision.glsl"

// load_eight(words, block): elements [8 * block, 8 * block + 8) of the buffer `words` as floats.
#if TROUPE_STORAGE_F16
#define WIDE uvec4
#define load_eight(words, block) unpack_eight(words[block])

float[8] unpack_eight(uvec4 packed) {
  const vec2 a = unpackHalf2x16(packed.x), b = unpackHalf2x16(packed.y);
  const vec2 c = unpackHalf2x16(packed.z), d = unpackHalf2x16(packed.w);
  return float[8](a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y);
}
#else
#define WIDE vec4
#define load_eight(words, block) unpack_eight(words[2 * (block)], words[2 * (block) + 1])

float[8] unpack_eight(vec4 a, vec4 b) { return float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w); }
#endif

#endif
