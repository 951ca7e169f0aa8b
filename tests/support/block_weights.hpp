// Weights in block formats with random contents.
#pragma once

#include <cstring>

#include "support/check.hpp"
#include "troupe/engine/block_format.hpp"

namespace troupe::test {

inline constexpr block_format all_block_formats[] = {
    block_format::f32,  block_format::f16,  block_format::bf16, block_format::q8_0, block_format::q4_0,
    block_format::q4_1, block_format::q5_0, block_format::q5_1, block_format::q2_k, block_format::q3_k,
    block_format::q4_k, block_format::q5_k, block_format::q6_k};

/// Where a block's binary16 numbers are. All other bytes of a quantised block may be anything.
inline std::vector<std::size_t> half_offsets(block_format format) {
  switch (format) {
    case block_format::q8_0:
    case block_format::q4_0:
    case block_format::q5_0: return {0};
    case block_format::q4_1:
    case block_format::q5_1:
    case block_format::q4_k:
    case block_format::q5_k: return {0, 2};
    case block_format::q2_k: return {80, 82};
    case block_format::q3_k: return {108};
    case block_format::q6_k: return {208};
    default: return {};
  }
}

/// [rows, bytes of `inner` elements]: every bit of the codes and small scales is used, and the values are of size 1 or
/// so.
inline tensor random_blocks(block_format format, std::int64_t rows, std::int64_t inner, std::uint64_t seed) {
  const auto bytes = need(row_bytes(format, static_cast<std::size_t>(inner)));
  tensor made = need(tensor::make(dtype::u8, {rows, static_cast<std::int64_t>(bytes)}));
  const auto raw = made.mutable_bytes();
  random_source random(seed);
  const auto put_half = [&](std::size_t at, float value) {
    const std::uint16_t bits = to_float16(value).bits;
    raw[at] = static_cast<std::byte>(bits & 255);
    raw[at + 1] = static_cast<std::byte>(bits >> 8);
  };
  const block_size size = size_of(format);
  for (std::size_t at = 0; at < raw.size(); at += size.bytes) {
    if (size.elements == 1) {
      const float value = random.uniform(-1, 1);
      std::uint32_t bits;
      std::memcpy(&bits, &value, 4);
      if (format == block_format::f16) {
        put_half(at, value);
      } else {
        if (format == block_format::bf16) bits >>= 16;
        std::memcpy(raw.data() + at, &bits, size.bytes);
      }
      continue;
    }
    for (std::size_t i = 0; i < size.bytes; ++i) raw[at + i] = static_cast<std::byte>(random.below(256));
    const float largest = format == block_format::q8_0   ? 127
                          : format == block_format::q6_k ? 127 * 32
                          : size.elements == 256         ? 63 * 31
                                                         : 16;
    for (const std::size_t offset : half_offsets(format)) put_half(at + offset, random.uniform(-1, 1) / largest);
  }
  return made;
}

/// The weight that `bytes` holds, as floats [rows, inner].
inline tensor expanded(block_format format, const tensor& bytes, std::int64_t inner) {
  tensor made = need(tensor::make(dtype::f32, {bytes.dims()[0], inner}));
  need(dequantize(format, bytes.bytes(), made.as_mutable<float>()));
  return made;
}

}  // namespace troupe::test
