// Where values that live at different times share the bytes of one block of memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// A run of bytes that is needed at every position of [first, last].
struct lifetime {
  std::uint64_t bytes = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// Offsets, one for each lifetime, and the size of the block that holds them all.
struct memory_plan {
  std::vector<std::uint64_t> offsets;
  std::uint64_t bytes = 0;           ///< of the block
  std::uint64_t bytes_unshared = 0;  ///< what it would be if nothing shared memory
};

/// Largest first, each at the lowest offset that is free during its whole lifetime ("greedy by size" of Pisarchyk and
/// Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). Offsets and sizes are multiples of
/// `alignment`, a power of two. The result depends on the arguments only.
memory_plan plan_memory(std::span<const lifetime> lifetimes, std::uint64_t alignment);

}  // namespace troupe
