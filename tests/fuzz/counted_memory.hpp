// What the whole program holds from the heap, whoever asked for it: `new`, protobuf, Cap'n Proto, stb_image.
#pragma once

#include <cstddef>

namespace troupe::test {

/// Bytes held now; 0 always in builds with a sanitizer, which has an allocator of its own.
std::size_t held_bytes();
/// The most since `forget_peak`.
std::size_t peak_bytes();
void forget_peak();

}  // namespace troupe::test
