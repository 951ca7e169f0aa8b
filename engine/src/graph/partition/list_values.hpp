// Which values of a graph are sequences or optionals, as far as the operators tell.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// By value. They exist only until the graph is specialised, so that none can travel between parts of one.
std::vector<bool> list_values(const graph& model);

}  // namespace troupe
