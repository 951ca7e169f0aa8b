// The types of values and tensors that GGUF files have, supported or not.
#pragma once

#include <cstdint>
#include <string_view>

#include "troupe/engine/gguf.hpp"

namespace troupe {

/// Bytes of a scalar; the least that an element takes for strings (their length) and arrays (type and count).
std::size_t bytes_of(gguf_type type) noexcept;

bool is_valid(gguf_type type) noexcept;

/// A tensor type of ggml: its name, and the elements and bytes of a block. No bytes when nothing can be said about it.
struct gguf_tensor_type {
  std::uint32_t number;
  std::string_view name;
  block_size block;
};

/// Nothing for a number that is not in use.
const gguf_tensor_type* find_tensor_type(std::uint32_t number) noexcept;

}  // namespace troupe
