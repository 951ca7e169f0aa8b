// The layouts are those of the GGUF format: little-endian, every block self-contained.
#include "troupe/engine/block_format.hpp"

#include <array>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/dtype.hpp"

namespace troupe {
namespace {

struct named_format {
  block_format format;
  std::string_view name;
  block_size size;
};

constexpr named_format formats[] = {
    {block_format::f32, "F32", {1, 4}},       {block_format::f16, "F16", {1, 2}},
    {block_format::bf16, "BF16", {1, 2}},     {block_format::q8_0, "Q8_0", {32, 34}},
    {block_format::q4_0, "Q4_0", {32, 18}},   {block_format::q4_1, "Q4_1", {32, 20}},
    {block_format::q5_0, "Q5_0", {32, 22}},   {block_format::q5_1, "Q5_1", {32, 24}},
    {block_format::q2_k, "Q2_K", {256, 84}},  {block_format::q3_k, "Q3_K", {256, 110}},
    {block_format::q4_k, "Q4_K", {256, 144}}, {block_format::q5_k, "Q5_K", {256, 176}},
    {block_format::q6_k, "Q6_K", {256, 210}},
};

const named_format* find(block_format format) noexcept {
  for (const named_format& known : formats)
    if (known.format == format) return &known;
  return nullptr;
}

/// A block as it lies in the file.
class block_view {
public:
  explicit block_view(const std::byte* at) noexcept : at_(at) {}

  unsigned byte(std::size_t i) const noexcept { return std::to_integer<unsigned>(at_[i]); }
  int signed_byte(std::size_t i) const noexcept { return static_cast<std::int8_t>(byte(i)); }
  unsigned low_nibble(std::size_t i) const noexcept { return byte(i) & 15; }
  unsigned high_nibble(std::size_t i) const noexcept { return byte(i) >> 4; }
  unsigned bit(std::size_t i, unsigned which) const noexcept { return byte(i) >> which & 1; }
  std::uint16_t half_bits(std::size_t i) const noexcept {
    return static_cast<std::uint16_t>(byte(i) | byte(i + 1) << 8);
  }
  float half(std::size_t i) const noexcept { return to_float(float16{half_bits(i)}); }
  float single(std::size_t i) const noexcept {
    float value;
    std::memcpy(&value, at_ + i, sizeof(value));
    return value;
  }

private:
  const std::byte* at_;
};

void expand_f32(block_view from, float* to) {
  to[0] = from.single(0);
}

void expand_f16(block_view from, float* to) {
  to[0] = from.half(0);
}

void expand_bf16(block_view from, float* to) {
  const std::uint32_t bits = std::uint32_t{from.half_bits(0)} << 16;
  std::memcpy(to, &bits, sizeof(bits));
}

void expand_q8_0(block_view from, float* to) {
  const float scale = from.half(0);
  for (std::size_t i = 0; i < 32; ++i) to[i] = scale * static_cast<float>(from.signed_byte(2 + i));
}

// A byte of the formats of 32 elements holds element i in its low half and element i + 16 in its high half.

void expand_q4_0(block_view from, float* to) {
  const float scale = from.half(0);
  for (std::size_t i = 0; i < 16; ++i) {
    to[i] = scale * static_cast<float>(static_cast<int>(from.low_nibble(2 + i)) - 8);
    to[i + 16] = scale * static_cast<float>(static_cast<int>(from.high_nibble(2 + i)) - 8);
  }
}

void expand_q4_1(block_view from, float* to) {
  const float scale = from.half(0), least = from.half(2);
  for (std::size_t i = 0; i < 16; ++i) {
    to[i] = scale * static_cast<float>(from.low_nibble(4 + i)) + least;
    to[i + 16] = scale * static_cast<float>(from.high_nibble(4 + i)) + least;
  }
}

/// Bit i of the four bytes from `at` on, as the fifth bit of a number.
unsigned fifth_bit(block_view from, std::size_t at, std::size_t i) {
  return from.bit(at + i / 8, static_cast<unsigned>(i % 8)) << 4;
}

void expand_q5_0(block_view from, float* to) {
  const float scale = from.half(0);
  for (std::size_t i = 0; i < 16; ++i) {
    to[i] = scale * static_cast<float>(static_cast<int>(from.low_nibble(6 + i) | fifth_bit(from, 2, i)) - 16);
    to[i + 16] =
        scale * static_cast<float>(static_cast<int>(from.high_nibble(6 + i) | fifth_bit(from, 2, i + 16)) - 16);
  }
}

void expand_q5_1(block_view from, float* to) {
  const float scale = from.half(0), least = from.half(2);
  for (std::size_t i = 0; i < 16; ++i) {
    to[i] = scale * static_cast<float>(from.low_nibble(8 + i) | fifth_bit(from, 4, i)) + least;
    to[i + 16] = scale * static_cast<float>(from.high_nibble(8 + i) | fifth_bit(from, 4, i + 16)) + least;
  }
}

// The formats of 256 elements have two levels of scales: small integers for 16 or 32 elements, and one or two binary16
// that turn them into numbers. Two bits of elements i, i + 32, i + 64 and i + 96 of each half share a byte in Q2_K and
// Q3_K.

void expand_q2_k(block_view from, float* to) {
  const float scale = from.half(80), least = from.half(82);
  for (std::size_t i = 0; i < 256; ++i) {
    const unsigned code = from.byte(16 + i / 128 * 32 + i % 32) >> 2 * (i / 32 % 4) & 3;
    const float step = scale * static_cast<float>(from.low_nibble(i / 16));
    const float offset = least * static_cast<float>(from.high_nibble(i / 16));
    to[i] = step * static_cast<float>(code) - offset;
  }
}

/// Sixteen numbers of six bits in twelve bytes: the low four bits of i and i + 8 share byte i, the high two bits of i,
/// i + 4, i + 8 and i + 12 share byte 8 + i.
int q3_k_scale(block_view from, std::size_t at, std::size_t i) {
  const unsigned low = i < 8 ? from.low_nibble(at + i) : from.high_nibble(at + i - 8);
  const unsigned high = from.byte(at + 8 + i % 4) >> 2 * (i / 4) & 3;
  return static_cast<int>(low | high << 4) - 32;
}

void expand_q3_k(block_view from, float* to) {
  const float scale = from.half(108);
  for (std::size_t i = 0; i < 256; ++i) {
    const int low = static_cast<int>(from.byte(32 + i / 128 * 32 + i % 32) >> 2 * (i / 32 % 4) & 3);
    const int high = static_cast<int>(from.bit(i % 32, static_cast<unsigned>(i / 32))) << 2;
    const float step = scale * static_cast<float>(q3_k_scale(from, 96, i / 16));
    to[i] = step * static_cast<float>(low + high - 4);
  }
}

struct small_scales {
  unsigned scale, least;
};

/// The scale and the offset of 32 elements in Q4_K and Q5_K: six bits each, eight pairs in twelve bytes. The first four
/// pairs have bytes of their own, whose two free bits are the high bits of the last four.
small_scales k_scales(block_view from, std::size_t at, std::size_t i) {
  if (i < 4) return {from.byte(at + i) & 63, from.byte(at + i + 4) & 63};
  return {from.low_nibble(at + i + 4) | from.byte(at + i - 4) >> 6 << 4,
          from.high_nibble(at + i + 4) | from.byte(at + i) >> 6 << 4};
}

/// `high_at`: where a fifth bit of each element is, or 0.
void expand_q4_or_q5_k(block_view from, std::size_t high_at, std::size_t low_at, float* to) {
  const float scale = from.half(0), least = from.half(2);
  for (std::size_t group = 0; group < 8; ++group) {
    const small_scales small = k_scales(from, 4, group);
    const float step = scale * static_cast<float>(small.scale);
    const float offset = least * static_cast<float>(small.least);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::size_t at = low_at + group / 2 * 32 + i;
      const unsigned low = group % 2 == 0 ? from.low_nibble(at) : from.high_nibble(at);
      const unsigned high = high_at == 0 ? 0 : from.bit(high_at + i, static_cast<unsigned>(group)) << 4;
      to[32 * group + i] = step * static_cast<float>(low | high) - offset;
    }
  }
}

void expand_q4_k(block_view from, float* to) {
  expand_q4_or_q5_k(from, 0, 16, to);
}

void expand_q5_k(block_view from, float* to) {
  expand_q4_or_q5_k(from, 16, 48, to);
}

void expand_q6_k(block_view from, float* to) {
  const float scale = from.half(208);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128, quarter = i / 32 % 4, j = i % 32;
    const std::size_t low_at = half * 64 + quarter % 2 * 32 + j;
    const unsigned low = quarter < 2 ? from.low_nibble(low_at) : from.high_nibble(low_at);
    const unsigned high = from.byte(128 + half * 32 + j) >> 2 * quarter & 3;
    const float step = scale * static_cast<float>(from.signed_byte(192 + i / 16));
    to[i] = step * static_cast<float>(static_cast<int>(low | high << 4) - 32);
  }
}

using expander = void (*)(block_view, float*);

expander expander_of(block_format format) noexcept {
  switch (format) {
    case block_format::f32: return expand_f32;
    case block_format::f16: return expand_f16;
    case block_format::q4_0: return expand_q4_0;
    case block_format::q4_1: return expand_q4_1;
    case block_format::q5_0: return expand_q5_0;
    case block_format::q5_1: return expand_q5_1;
    case block_format::q8_0: return expand_q8_0;
    case block_format::q2_k: return expand_q2_k;
    case block_format::q3_k: return expand_q3_k;
    case block_format::q4_k: return expand_q4_k;
    case block_format::q5_k: return expand_q5_k;
    case block_format::q6_k: return expand_q6_k;
    case block_format::bf16: return expand_bf16;
  }
  return nullptr;
}

}  // namespace

block_size size_of(block_format format) noexcept {
  const named_format* known = find(format);
  return known ? known->size : block_size{};
}

std::string_view to_string(block_format format) noexcept {
  const named_format* known = find(format);
  return known ? known->name : "?";
}

std::optional<block_format> block_format_named(std::string_view name) noexcept {
  for (const named_format& known : formats)
    if (known.name == name) return known.format;
  return std::nullopt;
}

result<std::size_t> row_bytes(block_format format, std::size_t elements) {
  const block_size size = size_of(format);
  if (size.elements == 0)
    return fail(errc::invalid_argument, "{} is not the number of a block format", static_cast<int>(format));
  if (elements % size.elements != 0)
    return fail(errc::invalid_argument, "a row of {} elements is not whole blocks of {}, which have {}", elements,
                to_string(format), size.elements);
  return elements / size.elements * size.bytes;
}

result<void> dequantize(block_format format, std::span<const std::byte> source, std::span<float> target) {
  const block_size size = size_of(format);
  const expander expand = expander_of(format);
  if (!expand) return fail(errc::invalid_argument, "{} is not the number of a block format", static_cast<int>(format));
  const std::size_t blocks = target.size() / size.elements;
  if (target.size() % size.elements != 0 || source.size() % size.bytes != 0 || source.size() / size.bytes != blocks)
    return fail(errc::invalid_argument, "{} bytes are not the blocks of {} elements of {}: each {} take {} bytes",
                source.size(), target.size(), to_string(format), size.elements, size.bytes);
  for (std::size_t i = 0; i < blocks; ++i)
    expand(block_view(source.data() + i * size.bytes), target.data() + i * size.elements);
  return {};
}

}  // namespace troupe
