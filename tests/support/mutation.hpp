// Damage to files and messages: the same for a seed everywhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include "support/random_source.hpp"

namespace troupe::test {

/// One to four changes: bits, bytes, numbers (half of them at `boundaries`, the places where a reader expects numbers;
/// anywhere when there are none), pieces cut out or doubled.
inline std::vector<std::byte> mutate(std::vector<std::byte> bytes, std::span<const std::size_t> boundaries,
                                     random_source& random) {
  const auto put = [&](std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
      bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
  };
  const auto interesting = [&]() -> std::uint64_t {
    constexpr std::uint64_t values[] = {0,
                                        1,
                                        2,
                                        7,
                                        0x7f,
                                        0xff,
                                        0xffff,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x1'0000'0000,
                                        0x3fff'ffff'ffff'ffff,
                                        0x7fff'ffff'ffff'ffff,
                                        0x8000'0000'0000'0000,
                                        0xffff'ffff'ffff'ffe0,
                                        0xffff'ffff'ffff'ffff};
    return values[random.below(std::size(values))];
  };
  for (std::uint64_t changes = 1 + random.below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t at = random.below(bytes.size());
    const std::size_t boundary = boundaries.empty() ? at : boundaries[random.below(boundaries.size())];
    const std::size_t width = std::size_t{1} << random.below(4);
    switch (random.below(8)) {
      case 0: bytes[at] ^= static_cast<std::byte>(1u << random.below(8)); break;
      case 1: bytes[at] = static_cast<std::byte>(random.below(256)); break;
      case 2: put(boundary, interesting(), width); break;
      case 3: put(boundary, random.below(64), width); break;
      case 4: put(boundary, random.next() >> random.below(64), width); break;
      case 5: bytes.resize(random.below(2) ? at : std::min(boundary, bytes.size())); break;
      case 6: {
        const std::size_t count = std::min<std::size_t>(random.below(64), bytes.size() - at);
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
        break;
      }
      default: {
        const std::size_t count = std::min<std::size_t>(random.below(64), bytes.size() - at);
        const std::vector<std::byte> piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                           bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(boundary, bytes.size())), piece.begin(),
                     piece.end());
      }
    }
  }
  return bytes;
}

}  // namespace troupe::test
