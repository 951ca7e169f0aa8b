// Binary16 numbers in another code of 16 bits, which drivers for the CPU unpack in half the instructions: they narrow
// vectors of 32 bits to 16 before they convert. A code has the sign, five bits of exponent and ten of mantissa where a
// shift by three puts them into a binary32, and covers every binary16 below 128, those below 2^-14 included. What is
// decoded is too small by 2^102: the other factor of a product is multiplied by CODE_SCALE, the sum by CODE_RESCALE. Both
// are powers of two, and far from what fp32 can hold, so that not a bit of the sum changes.
#ifndef TROUPE_WEIGHT_CODES_GLSL
#define TROUPE_WEIGHT_CODES_GLSL

#define CODE_SCALE 1152921504606846976.0  // 2^60
#define CODE_RESCALE 4398046511104.0      // 2^42

uint encode(float value) {
  const uint bits = floatBitsToUint(value);
  const uint size = bits & 0x7fffffffu;
  return bits >> 16 & 0x8000u | (size == 0 ? 0 : (size - (102u << 23)) >> 13);
}

uint encode_pair(float low, float high) { return encode(low) | encode(high) << 16; }

vec2 decode_pair(uint codes) {
  return vec2(uintBitsToFloat(uint(int(codes << 16) >> 3) & 0x8fffe000u),
              uintBitsToFloat(uint(int(codes) >> 3) & 0x8fffe000u));
}

#endif
