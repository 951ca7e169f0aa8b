#include "graph/partition/prediction.hpp"

#include <algorithm>
#include <utility>

#include "device/example_inputs.hpp"
#include "graph/arithmetic.hpp"
#include "graph/inference.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// One dispatch costs about as much time as moving this many bytes.
constexpr std::uint64_t dispatch_bytes = 4096;
/// Multiply-adds that take about as long as moving one byte: between a software device and a large GPU.
constexpr std::uint64_t multiplies_a_byte = 8;
/// Keeps sums over all nodes inside 64 bits.
constexpr std::uint64_t work_max = std::uint64_t{1} << 42;

/// From the weights alone.
void predict_from_weights(const graph& model, prediction& made) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    std::uint64_t bytes = 1;
    for (const value_id id : model.nodes[i].inputs)
      if (const auto data = model.constants.find(id); data != model.constants.end()) bytes += data->second.byte_size();
    made.work[i] = std::min(bytes, work_max);
  }
}

void predict_from_shapes(const specialized_graph& known, const operator_table& operators,
                         const std::vector<std::size_t>& node_of_value, prediction& made) {
  std::fill(made.work.begin(), made.work.end(), 1);
  std::vector<bool> seen(made.work.size(), false);
  for (const node& step : known.graph.nodes) {
    std::uint64_t bytes = dispatch_bytes;
    const auto add = [&](const std::vector<value_id>& ids) {
      for (const value_id id : ids)
        if (id != no_value && !known.graph.is_state(id))  // of which a run touches a small part
          bytes += static_cast<std::uint64_t>(known.dims[id].elements()) * size_of(known.graph.values[id].type);
    };
    add(step.inputs);
    add(step.outputs);
    const std::uint64_t work = std::min(bytes + multiply_adds(step, known.dims) / multiplies_a_byte, work_max);
    const bool on_device =
        has_kernel(step, *operators.find(step), [&](value_id id) { return known.graph.values[id].type; });
    // A node with bodies does the work of all nodes that stand in its place.
    bool counted = false;
    for (const value_id id : step.outputs) {
      if (id == no_value) continue;
      if (id < made.made_on_device.size()) made.made_on_device[id] = on_device;
      if (std::exchange(counted, true)) continue;
      const std::size_t index = node_of_value[id];
      made.work[index] = std::min(work + (seen[index] ? made.work[index] : 0), work_max);
      seen[index] = true;
    }
  }
}

}  // namespace

prediction predict(const graph& model, const operator_table& operators) {
  const std::size_t count = model.values.size();
  prediction made{std::vector<std::uint64_t>(model.nodes.size(), 1), std::vector<std::uint64_t>(count, 1),
                  std::vector<std::optional<dtype>>(count), std::vector<std::optional<shape>>(count),
                  std::vector<bool>(count, false)};
  for (const value_id id : model.inputs)
    if (model.values[id].type_known) made.types[id] = model.values[id].type;
  for (const auto& [id, data] : model.constants) made.types[id] = data.type();
  predict_from_weights(model, made);

  const auto example = make_example_inputs(model);
  if (!example) return made;
  // Declared types of outputs are for the caller; nodes that read an output see what its node makes.
  graph undeclared = model;
  for (const node& step : undeclared.nodes)
    for (const value_id id : step.outputs)
      if (id != no_value) undeclared.values[id].type_known = false;
  const auto known = specialize(undeclared, operators, example->tensors);
  if (!known) return made;
  std::vector<std::size_t> node_of_value(known->graph.values.size(), 0);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const value_id id : model.nodes[i].outputs)
      if (id != no_value) node_of_value[id] = i;
  for (std::size_t i = 0; i < known->made_for.size(); ++i)
    if (known->made_for[i] != no_value) node_of_value[count + i] = node_of_value[known->made_for[i]];
  predict_from_shapes(*known, operators, node_of_value, made);
  const bool one_shape = example->exact && host_inputs(model, operators).empty();
  for (value_id id = 0; id < count; ++id) {
    if (!known->graph.values[id].type_known) continue;
    made.types[id] = known->graph.values[id].type;
    made.elements[id] = static_cast<std::uint64_t>(std::max<std::int64_t>(1, known->dims[id].elements()));
    if (one_shape) made.dims[id] = known->dims[id];
  }
  return made;
}

}  // namespace troupe
