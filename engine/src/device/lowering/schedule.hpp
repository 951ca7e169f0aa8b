// The order of nodes that needs the fewest changes between host and device.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Consecutive nodes of one kind each: host nodes first, then device nodes.
struct schedule_step {
  std::vector<std::size_t> host_nodes;
  std::vector<std::size_t> device_nodes;
};

/// Every node of `model` once, operands before users. A step takes every host node whose operands are there, then every
/// device node whose operands are: no order that keeps the dependencies has fewer steps.
std::vector<schedule_step> schedule(const graph& model, const std::vector<bool>& on_device);

}  // namespace troupe
