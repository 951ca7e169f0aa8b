#include "graph/partition/cut_points.hpp"

#include <algorithm>
#include <deque>
#include <limits>

namespace troupe {
namespace {

constexpr std::uint64_t impossible = std::numeric_limits<std::uint64_t>::max();

/// Whether stages of at most `limit` suffice. Filling each stage as far as it goes needs the fewest.
bool fits(std::span<const std::uint64_t> work, std::size_t stages, std::uint64_t limit) {
  std::size_t used = 1;
  std::uint64_t stage = 0;
  for (const std::uint64_t amount : work) {
    if (amount > limit) return false;
    if (stage + amount > limit) {
      ++used;
      stage = 0;
    }
    stage += amount;
  }
  return used <= stages;
}

std::uint64_t smallest_limit(std::span<const std::uint64_t> work, std::size_t stages) {
  std::uint64_t low = 0, high = 0;  // low does not fit, high does
  for (const std::uint64_t amount : work) high += amount;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (fits(work, stages, middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace

std::vector<std::size_t> choose_cuts(std::span<const std::uint64_t> work, std::span<const std::uint64_t> cut_bytes,
                                     std::size_t stages) {
  const std::size_t count = work.size();
  std::vector<std::uint64_t> before(count + 1, 0);
  for (std::size_t i = 0; i < count; ++i) before[i + 1] = before[i] + work[i];
  const std::uint64_t best = smallest_limit(work, stages);
  const std::uint64_t limit = best + best / 20;

  // cost[i]: least bytes cut when the first i items make `stage` stages. For each i the last cut j ranges over a
  // window that only moves to the right, so a queue of rising costs gives its minimum in constant time.
  std::vector<std::uint64_t> cost(count + 1, impossible);
  cost[0] = 0;
  std::vector<std::vector<std::uint32_t>> last_cut(stages, std::vector<std::uint32_t>(count + 1, 0));
  for (std::size_t stage = 0; stage < stages; ++stage) {
    std::vector<std::uint64_t> next(count + 1, impossible);
    std::deque<std::size_t> window;
    for (std::size_t i = 1; i <= count; ++i) {
      if (cost[i - 1] != impossible) {
        while (!window.empty() && cost[window.back()] > cost[i - 1]) window.pop_back();
        window.push_back(i - 1);
      }
      while (!window.empty() && before[i] - before[window.front()] > limit) window.pop_front();
      if (window.empty()) continue;
      next[i] = cost[window.front()] + (i < count ? cut_bytes[i] : 0);
      last_cut[stage][i] = static_cast<std::uint32_t>(window.front());
    }
    cost = std::move(next);
  }
  std::vector<std::size_t> cuts(stages - 1);
  std::size_t at = count;
  for (std::size_t stage = stages; stage-- > 1;) at = cuts[stage - 1] = last_cut[stage][at];
  return cuts;
}

}  // namespace troupe
