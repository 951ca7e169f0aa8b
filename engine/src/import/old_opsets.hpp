// Models from before operator set 7, when broadcasting was not yet numpy's.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Rewrites nodes of operator sets 1 to 6 as their successors of set 7, where the change is one of form. A node whose
/// meaning depends on what the file does not tell stays as it is, and `check_operators` names it. Nodes that are added
/// stand at the end: sort the graph afterwards.
result<void> modernize(graph& model);

}  // namespace troupe
