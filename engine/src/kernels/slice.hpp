// What Slice takes of each axis.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Element i of axis k of the result is element `starts[k] + i * steps[k]` of the operand. A step never exceeds
/// `limits::elements_max` in magnitude, and an axis of fewer than two elements has step 1.
struct slice_plan {
  std::vector<std::int64_t> starts, steps;
  shape dims;
};

result<slice_plan> read_slice(const node_view& view);

}  // namespace troupe
