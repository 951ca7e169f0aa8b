// What GatherND does with the shapes of its operands.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Each of `batches` batches has `rows` indices of `depth` coordinates, each of which chooses a block of `inner`
/// elements.
struct gather_nd_plan {
  std::size_t batch_axes = 0, depth = 0;
  std::int64_t batches = 1, rows = 1, inner = 1;
  std::int64_t batch_stride = 1;  ///< elements of the data of one batch
  shape output;
};

result<gather_nd_plan> read_gather_nd(const node& step, const shape& data, const shape& indices);

}  // namespace troupe
