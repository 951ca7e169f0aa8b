// Real `troupe node` processes for tests.
#pragma once

#include "node_process.hpp"
#include "support/check.hpp"
#include "troupe/system.hpp"

namespace troupe::test {

inline sample::node_process start_node(const std::string& name) {
  return need(sample::node_process::start(TROUPE_PROGRAM, name, ""));
}

/// A system that works on these nodes and goes on through many losses.
inline system_options over(std::vector<std::string> addresses) {
  system_options made;
  made.nodes = std::move(addresses);
  made.restarts = {100, std::chrono::seconds(60)};
  return made;
}

}  // namespace troupe::test
