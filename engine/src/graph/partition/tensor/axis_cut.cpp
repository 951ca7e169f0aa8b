#include "graph/partition/tensor/axis_cut.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

std::optional<axis_cut> axis_cut::scaled(std::size_t new_axis, std::int64_t factor, std::int64_t divisor) const {
  axis_cut made{new_axis, bounds};
  for (std::int64_t& bound : made.bounds) {
    if (bound * factor % divisor != 0) return std::nullopt;
    bound = bound * factor / divisor;
  }
  return made;
}

std::optional<std::vector<std::int64_t>> divide_extent(std::int64_t extent, std::int64_t unit,
                                                       std::span<const double> shares) {
  const auto count = static_cast<std::int64_t>(shares.size());
  if (unit < 1 || extent % unit != 0 || extent / unit < count) return std::nullopt;
  const std::int64_t units = extent / unit;
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<std::int64_t> bounds{0};
  double before = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    before += shares[static_cast<std::size_t>(k)];
    const auto exact = std::llround(static_cast<double>(units) * before / total);
    const std::int64_t last = bounds.back() / unit;
    bounds.push_back(unit * std::clamp<std::int64_t>(exact, last + 1, units - (count - 1 - k)));
  }
  return bounds;
}

result<tensor> slice_of(const tensor& whole, std::size_t axis, std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> extents(whole.dims().begin(), whole.dims().end());
  extents[axis] = count;
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(whole.type(), dims));
  const auto outer = static_cast<std::size_t>(whole.dims().elements(0, axis));
  const std::size_t inner =
      static_cast<std::size_t>(whole.dims().elements(axis + 1, whole.dims().rank())) * size_of(whole.type());
  const std::size_t source_line = static_cast<std::size_t>(whole.dims()[axis]) * inner;
  const std::size_t line = static_cast<std::size_t>(count) * inner;
  const auto target = made.mutable_bytes();
  if (target.empty()) return made;
  for (std::size_t i = 0; i < outer; ++i)
    std::memcpy(target.data() + i * line,
                whole.bytes().data() + i * source_line + static_cast<std::size_t>(begin) * inner, line);
  return made;
}

result<tensor> concatenated(std::span<const tensor> parts, std::size_t axis) {
  const shape& first = parts.front().dims();
  std::vector<std::int64_t> extents(first.begin(), first.end());
  extents[axis] = 0;
  for (const tensor& part : parts) extents[axis] += part.dims()[axis];
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(parts.front().type(), dims));
  const auto target = made.mutable_bytes();
  if (target.empty()) return made;
  const auto outer = static_cast<std::size_t>(dims.elements(0, axis));
  const std::size_t target_line = target.size() / outer;
  std::size_t offset = 0;
  for (const tensor& part : parts) {
    const std::size_t line = part.byte_size() / outer;
    for (std::size_t i = 0; i < outer && line > 0; ++i)
      std::memcpy(target.data() + i * target_line + offset, part.bytes().data() + i * line, line);
    offset += line;
  }
  return made;
}

std::optional<moved_axis> axis_after_reshape(const shape& from, const shape& to, std::size_t axis) {
  const std::int64_t before = from.elements(0, axis), extent = from[axis];
  for (std::size_t target = 0; target < to.rank(); ++target) {
    if (to.elements(0, target) != before || to[target] == 1) continue;
    const std::int64_t there = to[target];
    if (there == extent) return moved_axis{target, 1, 1};
    const bool joins = there % extent == 0;
    if (!joins && (there == 0 || extent % there != 0)) return std::nullopt;
    // What joins the axis, or what it falls into, must be whole axes behind it.
    const shape& other = joins ? from : to;
    const std::size_t first = (joins ? axis : target) + 1;
    const std::int64_t wanted = joins ? there / extent : extent / there;
    for (std::size_t last = first; last <= other.rank(); ++last)
      if (other.elements(first, last) == wanted)
        return joins ? moved_axis{target, wanted, 1} : moved_axis{target, 1, wanted};
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace troupe
