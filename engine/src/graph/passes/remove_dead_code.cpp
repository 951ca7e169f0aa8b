#include <vector>

#include "graph/inference.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {

void remove_dead_code(graph& model) {
  const std::vector<bool> live = live_nodes(model);
  std::vector<bool> used(model.values.size(), false);
  const auto use = [&](const std::vector<value_id>& ids) {
    for (const value_id id : ids)
      if (id != no_value) used[id] = true;
  };
  use(model.inputs);  // callers go on giving what the model declares
  use(model.outputs);
  std::vector<node> kept;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    if (!live[i]) continue;
    use(model.nodes[i].inputs);
    use(model.nodes[i].outputs);
    kept.push_back(std::move(model.nodes[i]));
  }
  model.nodes = std::move(kept);

  std::vector<value_id> renumbered(model.values.size(), no_value);
  std::vector<value_info> values;
  for (value_id id = 0; id < model.values.size(); ++id) {
    if (!used[id]) continue;
    renumbered[id] = static_cast<value_id>(values.size());
    values.push_back(std::move(model.values[id]));
  }
  model.values = std::move(values);
  const auto renumber = [&](std::vector<value_id>& ids) {
    for (value_id& id : ids)
      if (id != no_value) id = renumbered[id];
  };
  renumber(model.inputs);
  renumber(model.outputs);
  for (node& step : model.nodes) {
    renumber(step.inputs);
    renumber(step.outputs);
  }
  std::erase_if(model.states, [&](value_id id) { return !used[id]; });
  renumber(model.states);
  std::map<value_id, tensor> constants;
  for (auto& [id, data] : model.constants)
    if (used[id]) constants.emplace(renumbered[id], std::move(data));
  model.constants = std::move(constants);
}

}  // namespace troupe
