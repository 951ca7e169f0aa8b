// How ScatterElements and ScatterND join an update with what is there.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

enum class scatter_reduction { none, add, mul, min, max };

result<scatter_reduction> read_scatter_reduction(const node& step);

}  // namespace troupe
