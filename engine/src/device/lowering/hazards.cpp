#include "device/lowering/hazards.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

bool hazard_tracker::record(std::span<const byte_range> ranges) {
  const bool due = std::any_of(ranges.begin(), ranges.end(), [&](const byte_range& range) {
    return std::any_of(since_barrier_.begin(), since_barrier_.end(),
                       [&](const byte_range& earlier) { return conflict(earlier, range); });
  });
  if (due) since_barrier_.clear();
  since_barrier_.insert(since_barrier_.end(), ranges.begin(), ranges.end());
  return due;
}

result<void> verify_barriers(std::span<const recorded_command> commands) {
  std::size_t barriers = 0;
  std::vector<std::size_t> barriers_before(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    barriers_before[i] = barriers;
    if (commands[i].barrier) ++barriers;
  }
  for (std::size_t later = 0; later < commands.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (barriers_before[later] > barriers_before[earlier]) continue;
      for (const byte_range& a : commands[earlier].ranges)
        for (const byte_range& b : commands[later].ranges)
          if (conflict(a, b))
            return fail(errc::internal,
                        "commands {} and {} both touch bytes [{}, {}) of buffer {} without a barrier between them",
                        earlier, later, std::max(a.begin, b.begin), std::min(a.end, b.end), a.buffer);
    }
  }
  return {};
}

}  // namespace troupe
