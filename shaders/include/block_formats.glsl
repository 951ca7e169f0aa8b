// Weights in block formats, packed for the kernels that multiply by them: pack_blocks.comp makes them of blocks as files have
// them, packed_blocks.hpp has the sizes. A row is cut into chunks of 256 elements, a chunk into a header (scales) and units
// of 32 or 64 elements; the last chunk ends with its last unit. All are 16-byte words, and the words of eight rows take
// turns, so that eight neighbouring invocations that own a row each read 128 bytes that lie together.
//
// Within a unit the codes lie in the order of the elements, in planes of 8, 4, 2 or 1 bits: eight elements are two words of
// 32 bits, one, half of one, or a byte.
#ifndef TROUPE_BLOCK_FORMATS_GLSL
#define TROUPE_BLOCK_FORMATS_GLSL

#extension GL_EXT_control_flow_attributes : require

// Numbered as in block_format.hpp.
#define FORMAT_F32 0
#define FORMAT_F16 1
#define FORMAT_Q4_0 2
#define FORMAT_Q4_1 3
#define FORMAT_Q5_0 6
#define FORMAT_Q5_1 7
#define FORMAT_Q8_0 8
#define FORMAT_Q2_K 10
#define FORMAT_Q3_K 11
#define FORMAT_Q4_K 12
#define FORMAT_Q5_K 13
#define FORMAT_Q6_K 14
#define FORMAT_BF16 30

#define CHUNK 256
#define HEADER_WORDS_MAX 4
#define UNIT_WORDS_MAX 8

uint pick(uvec4 word, uint i) {
  const uint low = (i & 1) == 0 ? word.x : word.y;
  const uint high = (i & 1) == 0 ? word.z : word.w;
  return (i & 2) == 0 ? low : high;
}

uint pick(uvec4 first, uvec4 second, uint i) { return pick(i < 4 ? first : second, i & 3); }

// Number i of the eight binary16 in a word.
float half_of(uvec4 word, uint i) { return unpackHalf2x16(pick(word, i >> 1) >> 16 * (i & 1)).x; }

uint byte_of(uvec4 word, uint i) { return pick(word, i >> 2) >> 8 * (i & 3) & 0xff; }

#endif
