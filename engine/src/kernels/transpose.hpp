// The order in which Transpose puts axes.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Axis i of the result is axis `order[i]` of an operand of rank `rank`; reversed by default.
result<std::vector<std::size_t>> read_permutation(const node& step, std::size_t rank);

}  // namespace troupe
