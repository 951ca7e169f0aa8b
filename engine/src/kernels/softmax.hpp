// Which elements a Softmax or a LogSoftmax normalises together.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// The operand as [outer, length, inner]: each of the outer x inner rows of `length` elements sums to 1.
struct softmax_shape {
  std::int64_t outer = 1, length = 1, inner = 1;
};

/// Up to opset 12 everything from `axis` on is one row; since opset 13 the axis alone is.
result<softmax_shape> softmax_shape_of(const node& step, const shape& dims);

}  // namespace troupe
