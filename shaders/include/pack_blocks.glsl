// Blocks as files have them, by the words of what block_formats.glsl describes. `source_at(byte)` gives four bytes from an
// even byte on, the first one lowest, and `half_at(byte)` two; the user of this file defines them.
#ifndef TROUPE_PACK_BLOCKS_GLSL
#define TROUPE_PACK_BLOCKS_GLSL

#include "block_formats.glsl"

layout(constant_id = 0) const uint format = FORMAT_F16;
layout(constant_id = 1) const uint unit_elements = 32;
layout(constant_id = 2) const uint unit_words = 4;
layout(constant_id = 3) const uint header_words = 0;
layout(constant_id = 4) const uint block_bytes = 2;

// The lowest four (two, one) bits of each of four bytes, together.
uint nibbles(uint bytes) {
  bytes &= 0x0f0f0f0f;
  bytes = (bytes | bytes >> 4) & 0x00ff00ff;
  return (bytes | bytes >> 8) & 0xffff;
}
uint pairs(uint bytes) {
  bytes &= 0x03030303;
  bytes = (bytes | bytes >> 6) & 0x000f000f;
  return (bytes | bytes >> 12) & 0xff;
}
uint bits(uint bytes) {
  bytes &= 0x01010101;
  bytes = (bytes | bytes >> 7) & 0x00030003;
  return (bytes | bytes >> 14) & 0xf;
}

// The same of the eight (sixteen, thirty-two) bytes from `byte` on, shifted down first: one word of 32 bits.
uint eight_nibbles(uint byte, uint shift) {
  return nibbles(source_at(byte) >> shift) | nibbles(source_at(byte + 4) >> shift) << 16;
}
uint sixteen_pairs(uint byte, uint shift) {
  uint made = 0;
  for (uint i = 0; i < 4; ++i) made |= pairs(source_at(byte + 4 * i) >> shift) << 8 * i;
  return made;
}
uint thirty_two_bits(uint byte, uint shift) {
  uint made = 0;
  for (uint i = 0; i < 8; ++i) made |= bits(source_at(byte + 4 * i) >> shift) << 4 * i;
  return made;
}

// Halves of the blocks of 32 elements in a chunk, `offset` bytes from where they begin; zeros after the last block.
uvec4 halves_of_blocks(uint chunk, uint blocks, uint offset) {
  uvec4 made = uvec4(0);
  for (uint i = 0; i < 8; ++i)
    if (i < blocks) made[i / 2] |= half_at(chunk + i * block_bytes + offset) << 16 * (i & 1);
  return made;
}
uvec4 words_of_blocks(uint chunk, uint first, uint blocks, uint offset) {
  uvec4 made = uvec4(0);
  for (uint i = 0; i < 4; ++i)
    if (first + i < blocks) made[i] = source_at(chunk + (first + i) * block_bytes + offset);
  return made;
}

// The six-bit scales of Q4_K and Q5_K, eight bytes from `byte` on for the scales and their offsets, and four for the high
// bits of the last four: four low bits of each in x and y, the two high ones in z. In w what is `last`.
uvec4 k_scales(uint byte, uint last) {
  const uint a = source_at(byte), b = source_at(byte + 4), c = source_at(byte + 8);
  return uvec4(nibbles(a) | nibbles(c) << 16, nibbles(b) | nibbles(c >> 4) << 16,
               pairs(a >> 4) | pairs(a >> 6) << 8 | pairs(b >> 4) << 16 | pairs(b >> 6) << 24, last);
}

// Word `w` of the header of a chunk that begins at byte `chunk` and has so many blocks of 32 elements.
uvec4 header_word(uint chunk, uint blocks, uint w) {
  switch (format) {
    case FORMAT_Q8_0:
    case FORMAT_Q4_0: return halves_of_blocks(chunk, blocks, 0);
    case FORMAT_Q4_1: return halves_of_blocks(chunk, blocks, 2 * w);
    case FORMAT_Q5_0: return w == 0 ? halves_of_blocks(chunk, blocks, 0) : words_of_blocks(chunk, 4 * (w - 1), blocks, 2);
    case FORMAT_Q5_1:
      return w < 2 ? halves_of_blocks(chunk, blocks, 2 * w) : words_of_blocks(chunk, 4 * (w - 2), blocks, 4);
    case FORMAT_Q2_K:
      if (w == 1) return uvec4(source_at(chunk + 80), 0, 0, 0);
      return uvec4(source_at(chunk), source_at(chunk + 4), source_at(chunk + 8), source_at(chunk + 12));
    case FORMAT_Q3_K: {
      if (w == 0) {
        const uint a = source_at(chunk + 96), b = source_at(chunk + 100), c = source_at(chunk + 104);
        return uvec4(nibbles(a) | nibbles(b) << 16, nibbles(a >> 4) | nibbles(b >> 4) << 16,
                     pairs(c) | pairs(c >> 2) << 8 | pairs(c >> 4) << 16 | pairs(c >> 6) << 24, half_at(chunk + 108));
      }
      uvec4 made;
      for (uint i = 0; i < 4; ++i) made[i] = thirty_two_bits(chunk, 4 * (w - 1) + i);
      return made;
    }
    case FORMAT_Q4_K: return k_scales(chunk + 4, source_at(chunk));
    case FORMAT_Q5_K: {
      if (w == 0) return k_scales(chunk + 4, source_at(chunk));
      uvec4 made;
      for (uint i = 0; i < 4; ++i) made[i] = thirty_two_bits(chunk + 16, 4 * (w - 1) + i);
      return made;
    }
    case FORMAT_Q6_K:
      if (w == 1) return uvec4(half_at(chunk + 208), 0, 0, 0);
      return uvec4(source_at(chunk + 192), source_at(chunk + 196), source_at(chunk + 200), source_at(chunk + 204));
  }
  return uvec4(0);
}

// Word `w` of unit `unit` of a chunk that begins at byte `chunk` and has so many elements.
uvec4 unit_word(uint chunk, uint elements, uint unit, uint w) {
  const uint block = chunk + unit * block_bytes;  // in formats of 32 elements
  uvec4 made = uvec4(0);
  for (uint i = 0; i < 4; ++i) {
    const uint word = 4 * w + i;
    switch (format) {
      case FORMAT_F32:
        if (32 * unit + word < elements) made[i] = source_at(chunk + 4 * (32 * unit + word));
        break;
      case FORMAT_F16:
      case FORMAT_BF16: {
        const uint element = 32 * unit + 2 * word;
        if (element + 1 < elements)
          made[i] = source_at(chunk + 2 * element);
        else if (element < elements)
          made[i] = half_at(chunk + 2 * element);
        break;
      }
      case FORMAT_Q8_0: made[i] = source_at(block + 2 + 4 * word); break;
      // A byte has element i below and element i + 16 above.
      case FORMAT_Q4_0: made[i] = eight_nibbles(block + 2 + 8 * (i & 1), 2 * (i & 2)); break;
      case FORMAT_Q4_1: made[i] = eight_nibbles(block + 4 + 8 * (i & 1), 2 * (i & 2)); break;
      case FORMAT_Q5_0: made[i] = eight_nibbles(block + 6 + 8 * (i & 1), 2 * (i & 2)); break;
      case FORMAT_Q5_1: made[i] = eight_nibbles(block + 8 + 8 * (i & 1), 2 * (i & 2)); break;
      // Here i + 32; a unit is one half of the bits of 32 bytes.
      case FORMAT_Q4_K: made[i] = eight_nibbles(chunk + 16 + unit / 2 * 32 + 8 * i, 4 * (unit & 1)); break;
      case FORMAT_Q5_K: made[i] = eight_nibbles(chunk + 48 + unit / 2 * 32 + 8 * i, 4 * (unit & 1)); break;
      // Units of 64 elements: of 128, the first or the second half.
      case FORMAT_Q2_K:
        made[i] = sixteen_pairs(chunk + 16 + unit / 2 * 32 + 16 * (i & 1), 4 * (unit & 1) + (i & 2));
        break;
      case FORMAT_Q3_K:
        made[i] = sixteen_pairs(chunk + 32 + unit / 2 * 32 + 16 * (i & 1), 4 * (unit & 1) + (i & 2));
        break;
      case FORMAT_Q6_K:
        made[i] = w < 2 ? eight_nibbles(chunk + unit / 2 * 64 + 32 * w + 8 * i, 4 * (unit & 1))
                        : sixteen_pairs(chunk + 128 + unit / 2 * 32 + 16 * (i & 1), 4 * (unit & 1) + (i & 2));
        break;
    }
  }
  return made;
}

#endif
