// Stores eight neighbouring results at once: the counterpart of load_eight() of vectors.glsl.
#ifndef TROUPE_VECTOR_STORE_GLSL
#define TROUPE_VECTOR_STORE_GLSL

#include "vectors.glsl"

// store_eight(words, block, x): elements [8 * block, 8 * block + 8) of the buffer `words` become the floats x[0] to
// x[7], narrowed. move_eight(to, i, from, j): block i of `to` becomes block j of `from`, bit for bit.
// repeat_eight(to, i, bits): block i of `to` becomes eight times the element with these STORED_BITS.
#if TROUPE_STORAGE_F16
#define store_eight(words, block, x)                                              \
  words[block] = uvec4(pack_pair(x[0], x[1]), pack_pair(x[2], x[3]), pack_pair(x[4], x[5]), pack_pair(x[6], x[7]))
#define move_eight(to, i, from, j) to[i] = from[j]
#define repeat_eight(to, i, bits) to[i] = uvec4(uint(bits) * 0x10001u)

// The binary16 nearest to a value, ties to even, as a float. packHalf2x16() alone would leave the rounding to the driver,
// and one of them truncates; of what this returns it drops nothing.
float rounded_to_half(float value) {
  const float stored = clamp_to_storage(value);
  const uint bits = floatBitsToUint(stored);
  const uint usual = (bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u;
  // Below 2^-14 the step of binary16 is 2^-24: that of fp32 between 0.5 and 1, where the addition does the rounding.
  precise float shifted = stored + 0.75;
  precise float tiny = shifted - 0.75;
  const uint tiny_bits = floatBitsToUint(tiny) | (bits & 0x80000000u);
  return uintBitsToFloat((bits & 0x7fffffffu) < 0x38800000u ? tiny_bits : usual);
}

uint pack_pair(float low, float high) { return packHalf2x16(vec2(rounded_to_half(low), rounded_to_half(high))); }
#else
#define store_eight(words, block, x)                   \
  words[2 * (block)] = vec4(x[0], x[1], x[2], x[3]);   \
  words[2 * (block) + 1] = vec4(x[4], x[5], x[6], x[7])
#define move_eight(to, i, from, j) \
  to[2 * (i)] = from[2 * (j)];     \
  to[2 * (i) + 1] = from[2 * (j) + 1]
#define repeat_eight(to, i, bits)               \
  to[2 * (i)] = vec4(uintBitsToFloat(bits));    \
  to[2 * (i) + 1] = vec4(uintBitsToFloat(bits))
#endif

#endif
