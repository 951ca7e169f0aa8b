// The values of packed weights, eight elements at a time, with the products and sums of each format in fp32 and in the order
// that `dequantize` (block_format.hpp) has: the bits agree. `precise` keeps drivers from joining a product and a sum.
#ifndef TROUPE_UNPACK_BLOCKS_GLSL
#define TROUPE_UNPACK_BLOCKS_GLSL

#include "block_formats.glsl"

layout(constant_id = 0) const uint format = FORMAT_F16;
layout(constant_id = 1) const uint unit_elements = 32;
layout(constant_id = 2) const uint unit_words = 4;
layout(constant_id = 3) const uint header_words = 0;

#define UNIT_EIGHTS (unit_elements / 8)
#define CHUNK_UNITS (CHUNK / unit_elements)

float[8] floats_of(uvec4 a, uvec4 b) {
  return float[8](uintBitsToFloat(a.x), uintBitsToFloat(a.y), uintBitsToFloat(a.z), uintBitsToFloat(a.w),
                  uintBitsToFloat(b.x), uintBitsToFloat(b.y), uintBitsToFloat(b.z), uintBitsToFloat(b.w));
}

float[8] halves_of(uvec4 word) {
  const vec2 a = unpackHalf2x16(word.x), b = unpackHalf2x16(word.y);
  const vec2 c = unpackHalf2x16(word.z), d = unpackHalf2x16(word.w);
  return float[8](a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y);
}

float[8] wide_halves_of(uvec4 word) {
  return floats_of(uvec4(word.x << 16, word.x & 0xffff0000u, word.y << 16, word.y & 0xffff0000u),
                   uvec4(word.z << 16, word.z & 0xffff0000u, word.w << 16, word.w & 0xffff0000u));
}

// Codes of eight bits, with a sign.
float[8] bytes_of(uvec4 word, uint half_word) {
  const int low = int(half_word == 0 ? word.x : word.z), high = int(half_word == 0 ? word.y : word.w);
  return float[8](float(low << 24 >> 24), float(low << 16 >> 24), float(low << 8 >> 24), float(low >> 24),
                  float(high << 24 >> 24), float(high << 16 >> 24), float(high << 8 >> 24), float(high >> 24));
}

float[8] nibbles_of(uint codes) {
  return float[8](float(codes & 15), float(codes >> 4 & 15), float(codes >> 8 & 15), float(codes >> 12 & 15),
                  float(codes >> 16 & 15), float(codes >> 20 & 15), float(codes >> 24 & 15), float(codes >> 28));
}

// Codes of four bits from `low` with a fifth from the eight lowest of `high`.
float[8] nibbles_and_bits_of(uint low, uint high) {
  float x[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) x[i] = float((low >> 4 * i & 15) | (high >> i & 1) << 4);
  return x;
}

// Codes of two bits in the sixteen lowest of `low`, with a third from the eight lowest of `high`.
float[8] pairs_and_bits_of(uint low, uint high) {
  float x[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) x[i] = float((low >> 2 * i & 3) | (high >> i & 1) << 2);
  return x;
}

// Codes of four bits from `low` with two more from the sixteen lowest of `high`.
float[8] nibbles_and_pairs_of(uint low, uint high) {
  float x[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) x[i] = float((low >> 4 * i & 15) | (high >> 2 * i & 3) << 4);
  return x;
}

// step * (code - zero)
float[8] scaled(float codes[8], float step, float zero) {
  precise float x[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) x[i] = step * (codes[i] - zero);
  return x;
}

// step * code + offset
float[8] scaled_and_moved(float codes[8], float step, float offset) {
  precise float x[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) x[i] = step * codes[i] + offset;
  return x;
}

// Scale and (negative) offset of unit `i` in Q4_K and Q5_K: four low bits each in x and y, two high bits in z, their scales in w.
vec2 k_scales(uvec4 header, uint i) {
  const uint step = (header.x >> 4 * i & 15) | (header.z >> 2 * i & 3) << 4;
  const uint least = (header.y >> 4 * i & 15) | (header.z >> (2 * i + 16) & 3) << 4;
  const vec2 both = unpackHalf2x16(header.w);
  return vec2(both.x * float(step), -(both.y * float(least)));
}

// What the codes of unit `unit` are multiplied by, and what is added then; for formats with units of 32 elements.
vec2 unit_scales(uvec4 header[HEADER_WORDS_MAX], uint unit) {
  if (format == FORMAT_Q8_0 || format == FORMAT_Q4_0 || format == FORMAT_Q5_0) return vec2(half_of(header[0], unit), 0.0);
  if (format == FORMAT_Q4_1 || format == FORMAT_Q5_1) return vec2(half_of(header[0], unit), half_of(header[1], unit));
  if (format == FORMAT_Q4_K || format == FORMAT_Q5_K) return k_scales(header[0], unit);
  return vec2(0.0);
}

// Elements [8 * j, 8 * j + 8) of unit number `unit` of a chunk. `scales`: its unit_scales().
float[8] eight_of(vec2 scales, uvec4 header[HEADER_WORDS_MAX], uvec4 words[UNIT_WORDS_MAX], uint unit, uint j) {
  if (format == FORMAT_F32) {
    const uvec4 a = j < 2 ? (j == 0 ? words[0] : words[2]) : (j == 2 ? words[4] : words[6]);
    const uvec4 b = j < 2 ? (j == 0 ? words[1] : words[3]) : (j == 2 ? words[5] : words[7]);
    return floats_of(a, b);
  }
  const uvec4 word = j < 2 ? (j == 0 ? words[0] : words[1]) : (j == 2 ? words[2] : words[3]);
  if (format == FORMAT_F16) return halves_of(word);
  if (format == FORMAT_BF16) return wide_halves_of(word);
  if (format == FORMAT_Q8_0) return scaled(bytes_of(j < 2 ? words[0] : words[1], j & 1), scales.x, 0.0);
  if (format == FORMAT_Q4_0) return scaled(nibbles_of(pick(words[0], j)), scales.x, 8.0);
  if (format == FORMAT_Q4_1 || format == FORMAT_Q4_K)
    return scaled_and_moved(nibbles_of(pick(words[0], j)), scales.x, scales.y);
  if (format == FORMAT_Q5_0)
    return scaled(nibbles_and_bits_of(pick(words[0], j), pick(header[1], header[2], unit) >> 8 * j), scales.x, 16.0);
  if (format == FORMAT_Q5_1)
    return scaled_and_moved(nibbles_and_bits_of(pick(words[0], j), pick(header[2], header[3], unit) >> 8 * j), scales.x,
                            scales.y);
  if (format == FORMAT_Q5_K)
    return scaled_and_moved(nibbles_and_bits_of(pick(words[0], j), pick(header[1], header[2], unit) >> 8 * j), scales.x,
                            scales.y);
  // Units of 64 elements, scales for 16.
  const uint sixteen = 4 * unit + (j >> 1);
  const uint pairs = pick(words[0], j >> 1) >> 16 * (j & 1);
  if (format == FORMAT_Q2_K) {
    const uint both = byte_of(header[0], sixteen);
    const vec2 scales = unpackHalf2x16(header[1].x);
    const float step = scales.x * float(both & 15), offset = scales.y * float(both >> 4);
    return scaled_and_moved(pairs_and_bits_of(pairs, 0), step, -offset);
  }
  if (format == FORMAT_Q3_K) {
    const uint low = (sixteen < 8 ? header[0].x : header[0].y) >> 4 * (sixteen & 7) & 15;
    const uint high = header[0].z >> 2 * sixteen & 3;
    const float step = unpackHalf2x16(header[0].w).x * (float(low | high << 4) - 32.0);
    const uint bits = pick(header[1], header[2], 2 * unit + (j >> 2)) >> 8 * (j & 3);
    return scaled(pairs_and_bits_of(pairs, bits), step, 4.0);
  }
  // FORMAT_Q6_K
  const float step = unpackHalf2x16(header[1].x).x * float(int(byte_of(header[0], sixteen) << 24) >> 24);
  const uint high = pick(words[2], j >> 1) >> 16 * (j & 1);
  return scaled(nibbles_and_pairs_of(pick(words[0], words[1], j), high), step, 32.0);
}

#endif
