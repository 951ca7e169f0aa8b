// Damage to GGUF files, and what must hold for those that are read all the same.
#pragma once

#include "support/gguf_builder.hpp"
#include "support/mutation.hpp"

namespace troupe::test {

inline std::vector<std::byte> mutate(const gguf_bytes& whole, random_source& random) {
  return mutate(whole.bytes, whole.boundaries, random);
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
