// Files as bytes: bounded reading, and writing that other processes see whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "core/unique_fd.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// A regular file, open for reading, and its size when it was opened.
struct opened_file {
  unique_fd fd;
  std::size_t size = 0;
};

/// Opens `file`, which must be a regular file; never waits for the writer of a FIFO. The error names the file.
result<opened_file> open_file(const std::filesystem::path& file);

/// Takes over `fd` if it refers to a regular file; `name` is for the error.
result<opened_file> adopt_file(unique_fd fd, std::string_view name);

/// Fills `bytes` from `offset` on, or fails; `name` is for the error. The position of the descriptor does not matter.
result<void> read_at(const opened_file& file, std::size_t offset, std::span<std::byte> bytes, std::string_view name);

/// The contents of a regular file of at most `bytes_max` bytes. The error names the file.
result<std::vector<std::byte>> read_file(const std::filesystem::path& file, std::size_t bytes_max);

/// Writes a temporary file beside `file` and renames it. Nothing is left behind on failure.
result<void> write_file(const std::filesystem::path& file, std::span<const std::byte> bytes);

/// "the text of errno", without the C library's shared buffer.
std::string describe_errno(int code);

}  // namespace troupe
