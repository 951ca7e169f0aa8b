// The tree of actors at one moment, as a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// One actor, or one supervisor with its children, at the moment of asking.
struct tree_node {
  std::string name;            ///< unique among its siblings
  std::string kind;            ///< "system", "supervisor", "node", "worker"
  std::string state;           ///< "up", "waiting" (for its restart), "not answering", ...; see docs/supervision.md
  std::string detail;          ///< for people: the device, the address; may be empty
  std::uint32_t restarts = 0;  ///< of this actor, since its supervisor knows it
  std::vector<tree_node> children;
};

}  // namespace troupe
