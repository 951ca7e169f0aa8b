// The format: https://www.w3.org/TR/png-3/
#include "import/png_chunks.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace troupe {

bool png_chunks_fit(std::span<const std::byte> file) {
  constexpr std::array<unsigned char, 8> signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::size_t before_data = 8, checksum = 4;  // length and name; CRC behind the data
  if (file.size() < signature.size() ||
      !std::equal(signature.begin(), signature.end(), file.begin(),
                  [](unsigned char wanted, std::byte found) { return std::byte{wanted} == found; }))
    return true;
  file = file.subspan(signature.size());
  while (file.size() >= before_data) {
    std::uint32_t length = 0;
    for (int i = 0; i < 4; ++i)
      length = length << 8 | std::to_integer<std::uint32_t>(file[static_cast<std::size_t>(i)]);
    file = file.subspan(before_data);
    if (length > file.size()) return false;
    file = file.subspan(std::min<std::size_t>(file.size(), std::size_t{length} + checksum));
  }
  return true;
}

}  // namespace troupe
