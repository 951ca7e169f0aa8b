#include "troupe/engine/graph.hpp"

#include <algorithm>
#include <unordered_set>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

template <class T>
const T* attribute_as(const node& owner, std::string_view key) {
  const auto found = owner.attributes.find(key);
  return found == owner.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

std::string value_info::describe() const {
  std::string text(type_known ? to_string(type) : "any type ");
  if (!dims) return text + "[...]";
  std::vector<std::string> extents;
  for (const dimension& axis : *dims)
    extents.push_back(axis.extent >= 0 ? fmt::format("{}", axis.extent) : axis.symbol.empty() ? "?" : axis.symbol);
  return fmt::format("{}[{}]", text, fmt::join(extents, ","));
}

std::int64_t node::int_or(std::string_view key, std::int64_t fallback) const {
  const auto* held = attribute_as<std::int64_t>(*this, key);
  return held ? *held : fallback;
}

float node::float_or(std::string_view key, float fallback) const {
  const auto* held = attribute_as<float>(*this, key);
  return held ? *held : fallback;
}

std::string node::string_or(std::string_view key, std::string fallback) const {
  const auto* held = attribute_as<std::string>(*this, key);
  return held ? *held : std::move(fallback);
}

std::vector<std::int64_t> node::ints_or(std::string_view key, std::vector<std::int64_t> fallback) const {
  const auto* held = ints(key);
  return held ? *held : std::move(fallback);
}

const std::vector<std::int64_t>* node::ints(std::string_view key) const {
  return attribute_as<std::vector<std::int64_t>>(*this, key);
}

const tensor* node::tensor_attribute(std::string_view key) const {
  return attribute_as<tensor>(*this, key);
}

const graph* node::body_attribute(std::string_view key) const {
  const auto* held = attribute_as<subgraph>(*this, key);
  return held ? held->get() : nullptr;
}

std::string node::describe() const {
  return name.empty() ? op : fmt::format("{} \"{}\"", op, name);
}

value_id graph::add_value(value_info info) {
  values.push_back(std::move(info));
  return static_cast<value_id>(values.size() - 1);
}

namespace {
value_info known_value(std::string name, dtype type, const shape& dims) {
  value_info info{std::move(name), type, true, std::vector<dimension>{}};
  for (const auto extent : dims) info.dims->push_back({extent, {}});
  return info;
}
}  // namespace

value_id graph::add_state(std::string name_of_value, dtype type, const shape& dims) {
  const value_id id = add_value(known_value(std::move(name_of_value), type, dims));
  states.push_back(id);
  return id;
}

bool graph::is_state(value_id id) const noexcept {
  return std::find(states.begin(), states.end(), id) != states.end();
}

value_id graph::add_constant(std::string name_of_value, tensor data) {
  const value_id id = add_value(known_value(std::move(name_of_value), data.type(), data.dims()));
  constants.emplace(id, std::move(data));
  return id;
}

namespace {
std::optional<std::size_t> index_of(const graph& owner, const std::vector<value_id>& ids, std::string_view name) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (owner.values[ids[i]].name == name) return i;
  return std::nullopt;
}
}  // namespace

std::optional<std::size_t> graph::input_index(std::string_view wanted) const {
  return index_of(*this, inputs, wanted);
}
std::optional<std::size_t> graph::output_index(std::string_view wanted) const {
  return index_of(*this, outputs, wanted);
}

std::size_t graph::constant_bytes() const {
  std::size_t total = 0;
  for (const auto& [id, data] : constants) total += data.byte_size();
  return total;
}

result<shape> state_dims(const value_info& state) {
  if (!state.type_known || !is_float(state.type) || !state.dims)
    return fail(errc::invalid_argument, "the state \"{}\" is {}; a floating-point type and all extents are needed",
                state.name, state.describe());
  std::vector<std::int64_t> extents;
  for (const dimension& axis : *state.dims) extents.push_back(axis.extent);
  return shape::make(extents).while_doing(fmt::format("reading the state \"{}\"", state.name));
}

namespace {

/// What a graph and the bodies in it have together.
struct graph_size {
  std::size_t nodes = 0, values = 0;
};

result<void> check_size(const graph& model, graph_size& size) {
  size.nodes += model.nodes.size();
  size.values += model.values.size();
  if (size.nodes > limits::graph_nodes_max)
    return fail(errc::invalid_argument, "the graph has {} nodes; at most {} are supported", size.nodes,
                limits::graph_nodes_max);
  if (size.values > limits::graph_values_max)
    return fail(errc::invalid_argument, "the graph has {} values; at most {} are supported", size.values,
                limits::graph_values_max);
  if (model.states.size() > limits::graph_states_max)
    return fail(errc::invalid_argument, "the graph has {} states; at most {} are supported", model.states.size(),
                limits::graph_states_max);
  return {};
}

result<void> check_names(const graph& model) {
  std::unordered_set<std::string_view> names;
  for (const value_info& value : model.values) {
    if (value.name.empty() || value.name.size() > limits::name_length_max)
      return fail(errc::invalid_argument, "a value's name has {} characters; 1 to {} are allowed", value.name.size(),
                  limits::name_length_max);
    if (!names.insert(value.name).second)
      return fail(errc::invalid_argument, "the value \"{}\" is made more than once", value.name);
  }
  return {};
}

result<void> validate_at(const graph& model, std::size_t depth, graph_size& size);

result<void> check_bodies(const node& step, std::size_t depth, graph_size& size) {
  std::size_t bodies = 0;
  for (const auto& [key, held] : step.attributes) {
    const auto* inside = std::get_if<subgraph>(&held);
    if (!inside) continue;
    if (!*inside) return fail(errc::invalid_argument, "the body \"{}\" of {} is missing", key, step.describe());
    if (++bodies > limits::node_bodies_max)
      return fail(errc::invalid_argument, "{} has more than {} bodies", step.describe(), limits::node_bodies_max);
    if (depth >= limits::body_depth_max)
      return fail(errc::invalid_argument, "{} has a body in more than {} others", step.describe(),
                  limits::body_depth_max);
    TROUPE_CHECK(
        validate_at(**inside, depth + 1, size).while_doing(fmt::format("checking \"{}\" of {}", key, step.describe())));
  }
  return {};
}

result<void> validate_at(const graph& model, std::size_t depth, graph_size& size) {
  TROUPE_CHECK(check_size(model, size));
  TROUPE_CHECK(check_names(model));
  std::vector<bool> made(model.values.size(), false);
  const auto make = [&](value_id id, std::string_view by) -> result<void> {
    if (id >= model.values.size())
      return fail(errc::invalid_argument, "{} refers to value {}, which does not exist", by, id);
    if (made[id]) return fail(errc::invalid_argument, "the value \"{}\" is made more than once", model.values[id].name);
    made[id] = true;
    return {};
  };
  for (const auto& [id, data] : model.constants) TROUPE_CHECK(make(id, "the list of constants"));
  for (const value_id id : model.inputs) TROUPE_CHECK(make(id, "the list of inputs"));
  if (depth > 0 && !model.states.empty())
    return fail(errc::invalid_argument, "a body has {} states; only the graph around it may have any",
                model.states.size());
  std::vector<bool> is_state(model.values.size(), false);
  for (const value_id id : model.states) {
    TROUPE_CHECK(make(id, "the list of states"));
    is_state[id] = true;
    TROUPE_CHECK(state_dims(model.values[id]));
  }
  for (const node& step : model.nodes) {
    for (const value_id id : step.inputs) {
      if (id == no_value) continue;
      if (id >= model.values.size())
        return fail(errc::invalid_argument, "{} refers to value {}, which does not exist", step.describe(), id);
      if (!made[id])
        return fail(errc::invalid_argument, "{} uses \"{}\" before any node makes it", step.describe(),
                    model.values[id].name);
    }
    for (const value_id id : step.outputs)
      if (id != no_value) TROUPE_CHECK(make(id, step.describe()));
    TROUPE_CHECK(check_bodies(step, depth, size));
  }
  if (model.outputs.empty()) return fail(errc::invalid_argument, "the graph has no output");
  for (const value_id id : model.outputs) {
    if (id >= model.values.size())
      return fail(errc::invalid_argument, "the list of outputs refers to value {}, which does not exist", id);
    if (!made[id]) return fail(errc::invalid_argument, "no node makes the output \"{}\"", model.values[id].name);
    if (is_state[id]) return fail(errc::invalid_argument, "the output \"{}\" is a state", model.values[id].name);
  }
  return {};
}

}  // namespace

result<void> validate(const graph& model) {
  graph_size size;
  return validate_at(model, 0, size);
}

void for_each_node(const graph& model, const std::function<void(const node&)>& visit) {
  for (const node& step : model.nodes) {
    visit(step);
    for (const auto& [key, held] : step.attributes)
      if (const auto* inside = std::get_if<subgraph>(&held)) for_each_node(**inside, visit);
  }
}

}  // namespace troupe
