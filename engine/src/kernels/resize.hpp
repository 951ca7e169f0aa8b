// What Resize and Upsample do along each axis.
#pragma once

#include <vector>

#include "kernels/node_view.hpp"

namespace troupe {

/// Numbered as in resample.comp.
enum class resize_mode : std::uint32_t { nearest = 0, linear = 1, cubic = 2 };
enum class nearest_rounding : std::uint32_t { prefer_floor = 0, prefer_ceil = 1, floor = 2, ceil = 3 };

/// One axis: position x of the result lies at (x + shift) * factor / divisor + offset of the operand. Computed in fp32
/// in this order, on the host and on devices alike, because the nearest neighbour depends on the last bit.
struct axis_resize {
  std::size_t axis = 0;
  std::int64_t input = 1, output = 1;
  float shift = 0, factor = 1, divisor = 1, offset = 0;
  /// Below 1 where the filter grows with the step (antialias): the operand's positions count that much less.
  float filter_scale = 1;

  bool is_identity() const noexcept {
    return input == output && shift == 0 && factor == divisor && offset == 0 && filter_scale == 1;
  }
};

struct resize_plan {
  resize_mode mode = resize_mode::nearest;
  nearest_rounding rounding = nearest_rounding::prefer_floor;
  float cubic_coefficient = -0.75f;
  bool excludes_outside = false;  ///< taps beyond the edge have no weight, instead of the edge's value
  bool extrapolates = false;      ///< results whose place is beyond the edge are `extrapolation`
  float extrapolation = 0;
  std::vector<axis_resize> axes;  ///< those along which something happens
  shape output;
};

/// Reads attributes and operands of a Resize (opset 10 to 19) or an Upsample (7 to 9).
result<resize_plan> read_resize(const node_view& view);

/// Taps of the filter before and after the position left of the place: [first, 1 - first].
std::int64_t first_tap(const resize_plan& plan, const axis_resize& axis);

}  // namespace troupe
