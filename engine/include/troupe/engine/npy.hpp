// numpy's .npy format, versions 1 to 3: C order, little endian, the eight types of `dtype`.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Reads a file; the error names it and what is wrong with it. Never allocates more than the file's size.
result<tensor> read_npy(const std::filesystem::path& file);
result<tensor> parse_npy(std::span<const std::byte> bytes);

/// Writes a version 1 file, through a temporary one that is renamed, so that a reader never sees half of it.
result<void> write_npy(const std::filesystem::path& file, const tensor& data);
std::vector<std::byte> format_npy(const tensor& data);

}  // namespace troupe
