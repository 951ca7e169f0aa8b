#include "troupe/engine/shape.hpp"

#include <algorithm>
#include <cassert>
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

shape::shape(std::initializer_list<std::int64_t> extents) {
  auto made = make({extents.begin(), extents.size()});
  assert(made && "a shape literal must be valid");
  if (made) *this = *made;
}

result<shape> shape::make(std::span<const std::int64_t> extents) {
  if (extents.size() > limits::rank_max)
    return fail(errc::unsupported, "a tensor of rank {} exceeds the supported rank {}", extents.size(),
                limits::rank_max);
  shape made;
  std::int64_t elements = 1;
  for (const auto extent : extents) {
    if (extent < 0)
      return fail(errc::invalid_argument, "the extents [{}] hold a negative value", fmt::join(extents, ","));
    if (extent > 0 && elements > limits::elements_max / extent)
      return fail(errc::invalid_argument, "the extents [{}] have more than {} elements", fmt::join(extents, ","),
                  limits::elements_max);
    // Extents after a zero are still bounded one by one, so that partial products stay inside 64 bits.
    elements *= std::max<std::int64_t>(extent, 1);
    made.extents_[made.rank_++] = extent;
  }
  return made;
}

std::int64_t shape::elements() const noexcept {
  return elements(0, rank_);
}

std::int64_t shape::elements(std::size_t first, std::size_t last) const noexcept {
  std::int64_t product = 1;
  for (std::size_t axis = first; axis < last; ++axis) product *= extents_[axis];
  return product;
}

std::array<std::int64_t, limits::rank_max> shape::strides() const noexcept {
  std::array<std::int64_t, limits::rank_max> steps{};
  std::int64_t step = 1;
  for (std::size_t axis = rank_; axis-- > 0;) {
    steps[axis] = step;
    step *= extents_[axis];
  }
  return steps;
}

std::string shape::to_string() const {
  return fmt::format("[{}]", fmt::join(extents(), ","));
}

result<shape> broadcast(const shape& a, const shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, limits::rank_max> extents{};
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
    const std::int64_t y = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
    if (x != y && x != 1 && y != 1)
      return fail(errc::invalid_argument, "shapes {} and {} do not broadcast to one", a.to_string(), b.to_string());
    extents[i] = x == 1 ? y : x;
  }
  return shape::make({extents.data(), rank});
}

result<std::size_t> normalize_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank)
    return fail(errc::invalid_argument, "axis {} is outside [-{}, {})", axis, rank, rank);
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace troupe
