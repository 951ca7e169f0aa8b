// Puts the nodes of a graph in an order in which every operand is made before it is used.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Does nothing when the order is right already; otherwise the nodes keep their order as far as they can. Fails when
/// an operand is made by nothing, or when nodes need one another in a cycle: the error names one of them.
/// Value ids must be in range and made at most once.
result<void> sort_nodes(graph& model);

}  // namespace troupe
