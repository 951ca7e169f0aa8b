// A check of PNG files before they are decoded.
#pragma once

#include <cstddef>
#include <span>

namespace troupe {

/// False for a PNG file with a chunk that ends behind the file: stb_image allocates what a chunk's length says before
/// it reads, up to 2 GiB for a file of a few bytes. True for any other file, damaged or not.
bool png_chunks_fit(std::span<const std::byte> file);

}  // namespace troupe
