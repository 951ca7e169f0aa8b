// Which commands of a recorded sequence must wait for earlier ones, and an independent proof that they do.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Bytes [begin, end) of one buffer, as one command reads or writes them.
struct byte_range {
  std::uint32_t buffer = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool written = false;
};

/// True when both touch a common byte and at least one writes.
constexpr bool conflict(const byte_range& a, const byte_range& b) noexcept {
  return (a.written || b.written) && a.buffer == b.buffer && a.begin < b.end && b.begin < a.end;
}

/// Decides, command by command, where a barrier that waits for everything before it is due.
class hazard_tracker {
public:
  /// True when a barrier must precede a command that touches `ranges`. Either way the command counts as recorded.
  bool record(std::span<const byte_range> ranges);

private:
  std::vector<byte_range> since_barrier_;
};

/// One entry of a recorded sequence: a barrier, or a command with the bytes it touches.
struct recorded_command {
  bool barrier = false;
  std::vector<byte_range> ranges;
};

/// Compares every command with every earlier one: conflicting commands must have a barrier between them. Knows nothing
/// of `hazard_tracker`. The error (internal) names both positions. Quadratic: for debug builds and tests.
result<void> verify_barriers(std::span<const recorded_command> commands);

}  // namespace troupe
