#include "graph/order.hpp"

#include <functional>
#include <queue>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::size_t nobody = static_cast<std::size_t>(-1);

/// Follows operands backwards through nodes that are not placed; the first node seen twice lies on a cycle.
const node& node_on_cycle(const graph& model, const std::vector<std::size_t>& producer,
                          const std::vector<std::size_t>& missing) {
  std::size_t at = 0;
  while (missing[at] == 0) ++at;
  std::vector<bool> seen(model.nodes.size(), false);
  while (!seen[at]) {
    seen[at] = true;
    for (const value_id id : model.nodes[at].inputs) {
      if (id == no_value || producer[id] == nobody || missing[producer[id]] == 0) continue;
      at = producer[id];
      break;
    }
  }
  return model.nodes[at];
}

}  // namespace

result<void> sort_nodes(graph& model) {
  std::vector<std::size_t> producer(model.values.size(), nobody);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const value_id id : model.nodes[i].outputs)
      if (id != no_value) producer[id] = i;
  std::vector<bool> given(model.values.size(), false);
  for (const value_id id : model.inputs) given[id] = true;
  for (const value_id id : model.states) given[id] = true;
  for (const auto& [id, data] : model.constants) given[id] = true;

  // Kahn's algorithm; the heap keeps the file's order among nodes that are ready.
  bool in_order = true;
  std::vector<std::size_t> missing(model.nodes.size(), 0);
  std::vector<std::vector<std::size_t>> readers(model.nodes.size());
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const value_id id : model.nodes[i].inputs) {
      if (id == no_value || given[id]) continue;
      if (producer[id] == nobody)
        return fail(errc::invalid_argument, "{} uses \"{}\", which nothing makes", model.nodes[i].describe(),
                    model.values[id].name);
      in_order &= producer[id] < i;
      ++missing[i];
      readers[producer[id]].push_back(i);
    }
  if (in_order) return {};
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (missing[i] == 0) ready.push(i);
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const std::size_t reader : readers[i])
      if (--missing[reader] == 0) ready.push(reader);
  }
  if (order.size() < model.nodes.size())
    return fail(errc::invalid_argument, "{} needs its own result: the graph has a cycle",
                node_on_cycle(model, producer, missing).describe());
  std::vector<node> sorted;
  sorted.reserve(order.size());
  for (const std::size_t i : order) sorted.push_back(std::move(model.nodes[i]));
  model.nodes = std::move(sorted);
  return {};
}

}  // namespace troupe
