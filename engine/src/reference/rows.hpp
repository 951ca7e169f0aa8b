// A part of a tensor along one axis, row by row, for the reference definitions of Concat and Split.
#pragma once

#include <cstring>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Copies between all of `part` and the region of `whole` that starts at `offset` along `axis`, one row (everything
/// within the axis) at a time; `copy` is given matching positions and the bytes of a row of the part.
template <class Copy>
void for_each_row(const tensor& whole, const tensor& part, std::size_t axis, std::int64_t offset, Copy copy) {
  const shape& all = whole.dims();
  const shape& some = part.dims();
  if (some.elements() == 0) return;
  const std::size_t inner = static_cast<std::size_t>(all.elements(axis + 1, all.rank())) * size_of(whole.type());
  const auto rows = static_cast<std::size_t>(all.elements(0, axis));
  const std::size_t step = static_cast<std::size_t>(all[axis]) * inner;
  const std::size_t bytes = static_cast<std::size_t>(some[axis]) * inner;
  for (std::size_t row = 0; row < rows; ++row)
    copy(row * step + static_cast<std::size_t>(offset) * inner, row * bytes, bytes);
}

}  // namespace troupe
