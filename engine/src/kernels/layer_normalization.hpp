// Which elements a LayerNormalization or an RMSNormalization brings to unit size together.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

struct layer_normalization {
  std::size_t axis = 0;  ///< everything from here on is one row
  std::int64_t rows = 1, length = 1;
  shape statistics;  ///< of a mean for each row: extents from `axis` on are 1
  dtype statistics_type = dtype::f32;
};

/// For an operand of shape `dims`; the error names what is wrong.
result<layer_normalization> layer_normalization_of(const node& step, const shape& dims);

}  // namespace troupe
