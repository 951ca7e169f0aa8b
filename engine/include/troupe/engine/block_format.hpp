// The element formats of weight matrices in GGUF files: rows of blocks, each with its own scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Formats whose matrices run as they lie in the file. The numbers are GGUF's own.
enum class block_format : std::uint8_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  bf16 = 30,
};

/// How many elements a block holds, and how many bytes it takes.
struct block_size {
  std::size_t elements = 0;
  std::size_t bytes = 0;
};

block_size size_of(block_format format) noexcept;

/// GGUF's name of a format, e.g. "Q4_K".
std::string_view to_string(block_format format) noexcept;

/// The format with this name, or nothing.
std::optional<block_format> block_format_named(std::string_view name) noexcept;

/// Bytes of a row of `elements`; `invalid_argument` unless they are whole blocks.
result<std::size_t> row_bytes(block_format format, std::size_t elements);

/// Writes the exact values of whole blocks as fp32: the products and sums of each format in fp32, in the order in which
/// ggml's scalar code has them, so that the bits agree. `target` has as many elements as the blocks in `source`.
result<void> dequantize(block_format format, std::span<const std::byte> source, std::span<float> target);

}  // namespace troupe
