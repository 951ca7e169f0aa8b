#include "device/lowering/memory_plan.hpp"

#include <algorithm>
#include <numeric>

namespace troupe {
namespace {

struct placed {
  std::uint64_t begin, end;
  std::uint32_t first, last;
};

/// `placed_blocks` are sorted by `begin`.
std::uint64_t lowest_free(const std::vector<placed>& placed_blocks, const lifetime& wanted, std::uint64_t bytes) {
  std::uint64_t offset = 0;
  for (const placed& block : placed_blocks) {
    if (block.last < wanted.first || wanted.last < block.first) continue;
    if (block.begin >= offset + bytes) break;
    offset = std::max(offset, block.end);
  }
  return offset;
}

}  // namespace

memory_plan plan_memory(std::span<const lifetime> lifetimes, std::uint64_t alignment) {
  const auto aligned = [&](std::uint64_t bytes) { return (bytes + alignment - 1) & ~(alignment - 1); };
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  memory_plan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<placed> placed_blocks;
  placed_blocks.reserve(lifetimes.size());
  for (const std::size_t i : order) {
    const std::uint64_t bytes = aligned(lifetimes[i].bytes);
    const std::uint64_t begin = lowest_free(placed_blocks, lifetimes[i], bytes);
    plan.offsets[i] = begin;
    plan.bytes = std::max(plan.bytes, begin + bytes);
    plan.bytes_unshared += bytes;
    if (bytes == 0) continue;
    const placed block{begin, begin + bytes, lifetimes[i].first, lifetimes[i].last};
    const auto after = std::upper_bound(placed_blocks.begin(), placed_blocks.end(), block,
                                        [](const placed& a, const placed& b) { return a.begin < b.begin; });
    placed_blocks.insert(after, block);
  }
  return plan;
}

}  // namespace troupe
