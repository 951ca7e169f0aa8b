// Cutting tensors along one axis.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Slice k has the elements [bounds[k], bounds[k + 1]) of axis `axis`.
struct axis_cut {
  std::size_t axis = 0;
  std::vector<std::int64_t> bounds;

  std::int64_t begin(std::size_t slice) const { return bounds[slice]; }
  std::int64_t extent(std::size_t slice) const { return bounds[slice + 1] - bounds[slice]; }
  std::int64_t whole() const { return bounds.back(); }
  /// Every bound times `factor`; nothing when a `divisor` does not divide one of them.
  std::optional<axis_cut> scaled(std::size_t new_axis, std::int64_t factor, std::int64_t divisor = 1) const;

  friend bool operator==(const axis_cut&, const axis_cut&) = default;
};

/// Bounds at multiples of `unit`, in proportion to `shares`, at least one unit for each; nothing when there are fewer
/// units than shares.
std::optional<std::vector<std::int64_t>> divide_extent(std::int64_t extent, std::int64_t unit,
                                                       std::span<const double> shares);

/// Elements [begin, begin + count) of axis `axis`.
result<tensor> slice_of(const tensor& whole, std::size_t axis, std::int64_t begin, std::int64_t count);

/// The parts one behind the other along `axis`. Their types, ranks and other extents must agree.
result<tensor> concatenated(std::span<const tensor> parts, std::size_t axis);

/// Where an axis of a value goes that changes its shape and nothing else.
struct moved_axis {
  std::size_t axis = 0;
  std::int64_t factor = 1, divisor = 1;  ///< index along the new axis = index along the old one * factor / divisor

  friend bool operator==(const moved_axis&, const moved_axis&) = default;
};

/// Nothing when a slice along `axis` is not a slice along one axis of the new shape.
std::optional<moved_axis> axis_after_reshape(const shape& from, const shape& to, std::size_t axis);

}  // namespace troupe
