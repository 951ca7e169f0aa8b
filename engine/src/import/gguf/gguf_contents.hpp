// What a `gguf_file` holds.
#pragma once

#include "core/mapped_file.hpp"
#include "troupe/engine/gguf.hpp"

namespace troupe {

struct gguf_file::contents {
  std::vector<shared_bytes> parts;
  std::vector<std::uint64_t> entries;  ///< where the first part's entries begin, by key
  std::vector<gguf_tensor> tensors;    ///< in the order of the files
  std::vector<std::uint32_t> by_name;  ///< indices of `tensors`
  std::uint32_t version = 0;
};

}  // namespace troupe
