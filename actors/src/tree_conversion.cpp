#include "tree_conversion.hpp"

namespace troupe {

tree_node to_tree(const tree_snapshot& snapshot) {
  tree_node made;
  made.name = snapshot.name;
  made.kind = snapshot.kind == child_kind::supervisor ? "supervisor" : "worker";
  made.state = snapshot.state;
  made.restarts = static_cast<std::uint32_t>(snapshot.restarts);
  for (const tree_snapshot& child : snapshot.children) made.children.push_back(to_tree(child));
  return made;
}

}  // namespace troupe
