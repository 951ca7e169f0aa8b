// One GGUF file: the validator that every byte of it passes before anybody else looks at it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "troupe/engine/gguf.hpp"

namespace troupe {

/// The fixed start of a file. Counts are bounded by the bytes that the smallest such things would take.
struct gguf_header {
  std::uint32_t version = 0;
  std::uint64_t tensors = 0;
  std::uint64_t keys = 0;
};

result<gguf_header> read_gguf_header(std::span<const std::byte> bytes);

/// Checks metadata and tensors of `bytes` and appends the tensors to `tensors` (as of part `part`). Returns where the
/// entries of metadata begin, in the order of their keys. Names are checked for uniqueness among the keys of this file;
/// tensors not at all, and neither whether they overlap: `check_tensors` does so for all parts together.
result<std::vector<std::uint64_t>> read_gguf_part(std::span<const std::byte> bytes, std::uint16_t part,
                                                  std::vector<gguf_tensor>& tensors);

/// Fails when two tensors have one name or share bytes. Returns the indices of the tensors in the order of their names.
result<std::vector<std::uint32_t>> check_tensors(std::span<const gguf_tensor> tensors);

/// The entry at an offset that `read_gguf_part` returned.
gguf_entry gguf_entry_at(std::span<const std::byte> bytes, std::uint64_t offset);

/// The next string of an array that was checked; moves `elements` on.
std::string_view next_gguf_string(std::span<const std::byte>& elements);

}  // namespace troupe
