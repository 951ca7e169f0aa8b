// How CumSum adds up.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

struct running_sum {
  std::size_t axis = 0;
  bool exclusive = false;  ///< an element is not part of its own sum
  bool reverse = false;    ///< from the last element to the first
};

result<running_sum> read_cum_sum(const node_view& view);

}  // namespace troupe
