// Which extents Shape tells.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Axes [begin, end).
struct axis_range {
  std::size_t begin, end;
};

/// From attributes start and end (opset 15): negative ones count from the end, and both are clamped.
axis_range read_shape_range(const node& step, std::size_t rank);

}  // namespace troupe
