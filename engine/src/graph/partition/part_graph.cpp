#include "graph/partition/part_graph.hpp"

#include <algorithm>

namespace troupe {

value_id part_graph::map(value_id id) {
  if (id == no_value) return id;
  const auto [known, added] = ids_.try_emplace(id, static_cast<value_id>(part.values.size()));
  if (added) {
    part.add_value(model_.values[id]);
    if (const auto data = model_.constants.find(id); data != model_.constants.end())
      part.constants.emplace(known->second, data->second);
    if (model_.is_state(id)) part.states.push_back(known->second);
  }
  return known->second;
}

void part_graph::add(const node& step) {
  node mine = step;
  for (value_id& id : mine.inputs) id = map(id);
  for (value_id& id : mine.outputs) id = map(id);
  part.nodes.push_back(std::move(mine));
}

std::optional<dtype> part_graph::travel_type(const prediction& facts, value_id id, dtype storage) {
  const std::optional<dtype> own = facts.types[id];
  return own && is_float(*own) && facts.made_on_device[id] ? storage : own;
}

void part_graph::declare(value_id mapped, value_id id, std::optional<dtype> type) {
  value_info& info = part.values[mapped];
  info.type_known = type.has_value();
  info.type = type.value_or(dtype::f32);
  if (std::find(model_.inputs.begin(), model_.inputs.end(), id) != model_.inputs.end()) return;
  info.dims.reset();
  if (!facts_.dims[id]) return;
  info.dims.emplace();
  for (const auto extent : *facts_.dims[id]) info.dims->push_back({extent, {}});
}

value_id part_graph::pass_on(value_id id, std::optional<dtype> type) {
  const value_id mapped = map(id);
  const auto other =
      std::find_if(model_.nodes.begin(), model_.nodes.end(), [](const node& step) { return step.domain.empty(); });
  node step;
  step.op = "Identity";
  step.version = other == model_.nodes.end() ? 0 : other->version;
  if (!operators_.find(step)) return mapped;  // then it is given in its own type, which is as exact
  value_namer namer;
  const std::string name = part.values[mapped].name;
  part.values[mapped].name = namer.fresh(part, name);
  const value_id copy = part.add_value({name, dtype::f32, false, std::nullopt});
  declare(copy, id, type);
  step.name = name;
  step.inputs = {mapped};
  step.outputs = {copy};
  part.nodes.push_back(std::move(step));
  return copy;
}

}  // namespace troupe
