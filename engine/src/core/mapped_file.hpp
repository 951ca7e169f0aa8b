// Files as memory, read by the system when somebody looks at them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Bytes that live as long as anybody holds `data` or a pointer that shares its ownership.
struct shared_bytes {
  std::shared_ptr<const std::byte> data;
  std::size_t size = 0;

  std::span<const std::byte> span() const noexcept { return {data.get(), size}; }
};

/// Maps a regular file of at least one byte, read-only. Nobody may cut the file while it is mapped: reading beyond its
/// new end would end the process (SIGBUS). `load_file` is for files that others may change.
result<shared_bytes> map_file(const std::filesystem::path& file);

/// The same bytes, read into memory.
result<shared_bytes> load_file(const std::filesystem::path& file);

}  // namespace troupe
