// Damage to GGUF files: the same for a seed everywhere.
#pragma once

#include <algorithm>

#include "support/gguf_builder.hpp"
#include "support/random_source.hpp"

namespace troupe::test {

/// One to four changes: bits, bytes, numbers at the places where a reader expects numbers, pieces cut out or doubled.
inline std::vector<std::byte> mutate(const gguf_bytes& whole, random_source& random) {
  std::vector<std::byte> bytes = whole.bytes;
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
    const std::size_t boundary = whole.boundaries[random.below(whole.boundaries.size())];
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

/// Everything that a file can be asked without making new data: no answer may be wrong in its own terms.
inline bool is_consistent(const gguf_file& file) {
  bool sound = true;
  for (std::size_t i = 0; i < file.keys(); ++i) {
    const gguf_entry entry = file.entry(i);
    sound = sound && file.has(entry.key) && !entry.describe().empty();
    if (entry.type != gguf_type::array) {
      sound = sound && (entry.type != gguf_type::string || file.text(entry.key));
      static_cast<void>(file.integer(entry.key));
      static_cast<void>(file.number(entry.key));
    } else if (const auto texts = file.texts(entry.key)) {
      sound = sound && texts->size() == entry.count;
    } else if (const auto numbers = file.numbers(entry.key)) {
      sound = sound && numbers->size() == entry.count;
      static_cast<void>(file.integers(entry.key));
    }
  }
  for (const gguf_tensor& tensor : file.tensors()) {
    sound = sound && file.find_tensor(tensor.name) == &tensor;
    const auto matrix = file.matrix(tensor);
    sound = sound && matrix.has_value() == tensor.format().has_value();
    if (matrix) sound = sound && matrix->bytes().data() == tensor.bytes.data();
    // Reads every byte: a checker of memory would see one that is not there.
    unsigned sum = 0;
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
    sound = sound && sum < 256u * tensor.bytes.size();
  }
  return sound;
}

}  // namespace troupe::test
