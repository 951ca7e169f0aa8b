// Where to cut a sequence of work into consecutive stages.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Returns the `stages - 1` positions before which `work` (each at least 1) is cut into non-empty stages: the largest
/// stage is within 5 % of the smallest possible, and under that condition the sum of `cut_bytes[position]` is least.
/// `cut_bytes` has one entry more than `work`. Needs 1 <= stages <= work.size(). Deterministic. Time and memory grow
/// with stages * work.size().
std::vector<std::size_t> choose_cuts(std::span<const std::uint64_t> work, std::span<const std::uint64_t> cut_bytes,
                                     std::size_t stages);

}  // namespace troupe
