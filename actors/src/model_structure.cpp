#include "model_structure.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

bool same_value(const value_info& a, const value_info& b) {
  return a.name == b.name && a.type_known == b.type_known && (!a.type_known || a.type == b.type) && a.dims == b.dims;
}

bool same_graph(const graph& a, const graph& b);

bool same_attribute(const attribute& a, const attribute& b) {
  if (a.index() != b.index()) return false;
  if (const auto* body = std::get_if<subgraph>(&a)) return same_graph(**body, *std::get<subgraph>(b));
  if (const auto* held = std::get_if<tensor>(&a)) return bitwise_equal(*held, std::get<tensor>(b));
  return std::visit(
      [&](const auto& held) {
        using type = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<type, subgraph> || std::is_same_v<type, tensor>)
          return false;  // above
        else
          return held == std::get<type>(b);
      },
      a);
}

bool same_node(const node& a, const node& b) {
  return a.op == b.op && a.domain == b.domain && a.version == b.version && a.inputs == b.inputs &&
         a.outputs == b.outputs &&
         std::equal(
             a.attributes.begin(), a.attributes.end(), b.attributes.begin(), b.attributes.end(),
             [](const auto& x, const auto& y) { return x.first == y.first && same_attribute(x.second, y.second); });
}

/// With the values of constants: bodies of nodes hold steps, not weights.
bool same_graph(const graph& a, const graph& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), same_value) &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), same_node) &&
         a.inputs == b.inputs && a.outputs == b.outputs &&
         std::equal(
             a.constants.begin(), a.constants.end(), b.constants.begin(), b.constants.end(),
             [](const auto& x, const auto& y) { return x.first == y.first && bitwise_equal(x.second, y.second); });
}

error other(std::string what) {
  return fail(errc::invalid_argument, "{}; load the network as a model of its own instead", what);
}

}  // namespace

model_structure::model_structure(const graph& network) : bare_(network) {
  for (auto& [id, data] : bare_.constants) {
    constants_.emplace(id, data.describe());
    data = {};
  }
}

result<void> model_structure::check_same(const graph& now) const {
  if (now.values.size() != bare_.values.size() || now.nodes.size() != bare_.nodes.size())
    return other(fmt::format("the network has {} operators and {} values, the loaded model {} and {}", now.nodes.size(),
                             now.values.size(), bare_.nodes.size(), bare_.values.size()));
  for (std::size_t i = 0; i < bare_.values.size(); ++i)
    if (!same_value(bare_.values[i], now.values[i]))
      return other(fmt::format("the network has the value \"{}\" {} where the loaded model has \"{}\" {}",
                               now.values[i].name, now.values[i].describe(), bare_.values[i].name,
                               bare_.values[i].describe()));
  for (std::size_t i = 0; i < bare_.nodes.size(); ++i)
    if (!same_node(bare_.nodes[i], now.nodes[i]))
      return other(fmt::format("{} of the network differs from {} of the loaded model", now.nodes[i].describe(),
                               bare_.nodes[i].describe()));
  if (now.inputs != bare_.inputs || now.outputs != bare_.outputs || now.states != bare_.states)
    return other("the network has other inputs, outputs or states than the loaded model");
  for (const auto& [id, data] : now.constants)
    if (constants_.count(id) == 0)
      return other(fmt::format("\"{}\" is a weight of the network and not of the loaded model", now.values[id].name));
  for (const auto& [id, described] : constants_) {
    const auto found = now.constants.find(id);
    if (found == now.constants.end())
      return other(fmt::format("the network lacks the weight \"{}\" of the loaded model", bare_.values[id].name));
    if (found->second.describe() != described)
      return other(fmt::format("the weight \"{}\" is {} in the network and {} in the loaded model",
                               bare_.values[id].name, found->second.describe(), described));
  }
  return {};
}

}  // namespace troupe
