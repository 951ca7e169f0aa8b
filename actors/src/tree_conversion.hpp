// From a supervisor's snapshot to the tree that the facade and other nodes see.
#pragma once

#include "troupe/actors/supervisor_messages.hpp"
#include "troupe/tree.hpp"

namespace troupe {

tree_node to_tree(const tree_snapshot& snapshot);

}  // namespace troupe
