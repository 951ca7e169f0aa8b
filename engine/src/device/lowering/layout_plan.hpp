// Which nodes work in blocks of channels: decided for the whole graph, so that neighbours agree and values are
// rearranged only where they enter and leave a run of such nodes.
#pragma once

#include "troupe/engine/operators.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {

struct node_layouts {
  std::vector<memory_layout> inputs, outputs;  ///< by position
};

/// One entry for each node. In graph order: nodes that always work in blocks do; a node that can follow does as most
/// bytes of its operands lie already; all others, and what runs on the host, are plain.
std::vector<node_layouts> plan_layouts(const specialized_graph& model, const std::vector<bool>& on_device,
                                       const operator_table& operators, const device_traits& traits, dtype storage);

}  // namespace troupe
