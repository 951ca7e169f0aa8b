#include "kernels/axes.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<std::vector<std::size_t>> normalize_axes(const node& step, std::span<const std::int64_t> axes,
                                                std::size_t rank) {
  std::vector<bool> seen(rank, false);
  std::vector<std::size_t> normalized;
  for (const std::int64_t axis : axes) {
    auto place = normalize_axis(axis, rank);
    if (!place) return std::move(place).error().while_doing("reading the axes of " + step.describe());
    if (seen[*place])
      return fail(errc::invalid_argument, "axis {} comes twice in the axes of {}", axis, step.describe());
    seen[*place] = true;
    normalized.push_back(*place);
  }
  return normalized;
}

}  // namespace troupe
