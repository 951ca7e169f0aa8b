// Eight neighbouring elements at once. A buffer read this way is declared a second time, under the same binding, as
// WIDE words: one uvec4 holds eight binary16, two vec4 hold eight floats. Drivers for the CPU gather element by element,
// so that one wide load costs little more than one element.
#ifndef TROUPE_VECTORS_GLSL
#define TROUPE_VECTORS_GLSL

#include "precision.glsl"

// load_eight(words, block): elements [8 * block, 8 * block + 8) of the buffer `words` as floats.
// load_eight_if(words, block, there): the same, or zeros; the block must exist either way.
// copy_eight(words, block, x): stores eight floats that came from such a buffer, or zeros. Not for results of
// arithmetic: a driver may round as it likes when it packs what binary16 cannot hold.
#if TROUPE_STORAGE_F16
#define WIDE uvec4
#define load_eight(words, block) unpack_eight(words[block])
#define load_eight_if(words, block, there) unpack_eight(word_if(words[block], there))
#define copy_eight(words, block, x)                                                                   \
  words[block] = uvec4(packHalf2x16(vec2(x[0], x[1])), packHalf2x16(vec2(x[2], x[3])),                \
                       packHalf2x16(vec2(x[4], x[5])), packHalf2x16(vec2(x[6], x[7])))

uvec4 word_if(uvec4 word, bool there) { return there ? word : uvec4(0); }

float[8] unpack_eight(uvec4 packed) {
  const vec2 a = unpackHalf2x16(packed.x), b = unpackHalf2x16(packed.y);
  const vec2 c = unpackHalf2x16(packed.z), d = unpackHalf2x16(packed.w);
  return float[8](a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y);
}
#else
#define WIDE vec4
#define load_eight(words, block) unpack_eight(words[2 * (block)], words[2 * (block) + 1])
#define load_eight_if(words, block, there) \
  unpack_eight(word_if(words[2 * (block)], there), word_if(words[2 * (block) + 1], there))
#define copy_eight(words, block, x)                       \
  words[2 * (block)] = vec4(x[0], x[1], x[2], x[3]);      \
  words[2 * (block) + 1] = vec4(x[4], x[5], x[6], x[7])

vec4 word_if(vec4 word, bool there) { return there ? word : vec4(0); }

float[8] unpack_eight(vec4 a, vec4 b) { return float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w); }
#endif

#endif
