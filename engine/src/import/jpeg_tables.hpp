// A check of JPEG files before they are decoded.
#pragma once

#include <cstddef>
#include <span>

namespace troupe {

/// False for a JPEG file with a Huffman table of more than 256 codes: stb_image up to 2.27, as Debian 12 has it, writes
/// past its own tables for one. True for any other file, damaged or not.
bool huffman_tables_fit(std::span<const std::byte> file);

}  // namespace troupe
