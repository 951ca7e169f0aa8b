// Files as bytes: bounded reading, and writing that other processes see whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe {

/// The contents of a regular file of at most `bytes_max` bytes. The error names the file.
result<std::vector<std::byte>> read_file(const std::filesystem::path& file, std::size_t bytes_max);

/// Writes a temporary file beside `file` and renames it. Nothing is left behind on failure.
result<void> write_file(const std::filesystem::path& file, std::span<const std::byte> bytes);

/// "the text of errno", without the C library's shared buffer.
std::string describe_errno(int code);

}  // namespace troupe
