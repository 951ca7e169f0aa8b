// How Split cuts its operand.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Part i takes `extents[i]` of the axis, in order.
struct split_plan {
  std::size_t axis = 0;
  std::vector<std::int64_t> extents;
};

result<split_plan> read_split(const node_view& view);

}  // namespace troupe
