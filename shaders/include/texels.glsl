// Read-only operands in words of eight elements, through a texel buffer where READS_TEXELS is 1 and through a storage
// buffer where it is 0: the host sets `dispatch_operand::texels` to match. Drivers for the CPU before Mesa 26 load a
// storage buffer lane by lane, but a texel as one 128-bit load. A kernel that does both is two files in shaders/ops.
#ifndef TROUPE_TEXELS_GLSL
#define TROUPE_TEXELS_GLSL

#include "vectors.glsl"

// WORDS(binding, name): declares an operand of set 0. read_eight(name, block): elements [8 * block, 8 * block + 8) as
// floats. Past the end of a texel buffer there are zeros. read_eight_if(name, block, there): the same, or zeros; the
// block must exist either way. read_word(name, block): the same elements as they lie, a WORD; pair_of(word, i): two of
// them as floats, from 2 * i on.
#if READS_TEXELS
#if TROUPE_STORAGE_F16
#define WORDS(at, name) layout(set = 0, binding = at) uniform usamplerBuffer name
#define read_word(name, block) texelFetch(name, int(block))
#define read_eight(name, block) unpack_eight(texelFetch(name, int(block)))
#define read_eight_if(name, block, there) unpack_eight(word_if(texelFetch(name, int(block)), there))
#else
#define WORDS(at, name) layout(set = 0, binding = at) uniform samplerBuffer name
#define read_eight(name, block) \
  unpack_eight(texelFetch(name, int(2 * (block))), texelFetch(name, int(2 * (block) + 1)))
#define read_eight_if(name, block, there)                   \
  unpack_eight(word_if(texelFetch(name, int(2 * (block))), there), \
               word_if(texelFetch(name, int(2 * (block) + 1)), there))
#endif
#else
#define WORDS(at, name) layout(set = 0, binding = at) readonly buffer name##_block { WIDE name[]; }
#if TROUPE_STORAGE_F16
#define read_word(name, block) name[block]
#endif
#define read_eight(name, block) load_eight(name, block)
#define read_eight_if(name, block, there) load_eight_if(name, block, there)
#endif

#if TROUPE_STORAGE_F16
#define WORD uvec4
#define pair_of(word, i) unpackHalf2x16(word[i])
#else
#define WORD float[8]
#define read_word(name, block) read_eight(name, block)
#define pair_of(word, i) vec2(word[2 * (i)], word[2 * (i) + 1])
#endif

#endif
