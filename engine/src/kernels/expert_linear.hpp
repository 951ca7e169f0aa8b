// Parameters of ExpertLinear.
#pragma once

#include "kernels/linear_shape.hpp"

namespace troupe {

struct expert_product {
  linear_shape linear;  ///< of one expert
  std::int64_t rows = 0, top = 0;
  bool slots_differ = false;  ///< x is [rows, top, inner], and not [rows, inner]
};

result<expert_product> expert_product_of(const node_view& given);

}  // namespace troupe
