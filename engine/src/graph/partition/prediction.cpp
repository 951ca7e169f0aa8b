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

/// As a device keeps it.
std::uint64_t stored_bytes(dtype type, std::int64_t elements, dtype storage) {
  return static_cast<std::uint64_t>(elements) * size_of(is_float(type) ? storage : type);
}

/// From the weights alone.
void predict_from_weights(const graph& model, dtype storage, prediction& made) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    std::uint64_t bytes = 1;
    operator_cost& cost = made.costs[i];
    for (const value_id id : model.nodes[i].inputs) {
      if (const auto data = model.constants.find(id); data != model.constants.end()) {
        bytes += data->second.byte_size();
        cost.weight_bytes += stored_bytes(data->second.type(), data->second.dims().elements(), storage);
        cost.operations += 2 * static_cast<double>(data->second.dims().elements());
      }
      if (id != no_value && model.is_state(id))
        if (const auto dims = state_dims(model.values[id]))
          cost.state_bytes += stored_bytes(model.values[id].type, dims->elements(), storage);
    }
    cost.read_bytes = cost.weight_bytes;
    cost.dispatches = 1;
    made.work[i] = std::min(bytes, work_max);
  }
}

/// Rows of a table that is known before the run are read one by one.
bool is_table(const node& step, std::size_t operand) {
  return step.domain == own_domain && step.op == "EmbeddingRows" && operand == 1;
}

/// Adds what one node of the specialised graph takes.
void add_cost(const specialized_graph& known, const node& step, dtype storage, operator_cost& cost) {
  const auto bytes_of = [&](value_id id) {
    return stored_bytes(known.graph.values[id].type, known.dims[id].elements(), storage);
  };
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const value_id id = step.inputs[i];
    if (id == no_value || is_table(step, i) || known.graph.is_state(id)) continue;
    (known.graph.constants.count(id) != 0 ? cost.read_bytes : cost.activation_bytes) += bytes_of(id);
  }
  for (const value_id id : step.outputs)
    if (id != no_value) cost.activation_bytes += bytes_of(id);
  cost.operations += static_cast<double>(operations_of(step, known.dims));
  ++cost.dispatches;
}

void predict_from_shapes(const specialized_graph& known, const operator_table& operators,
                         const std::vector<std::size_t>& node_of_value, dtype storage, prediction& made) {
  std::fill(made.work.begin(), made.work.end(), 1);
  std::vector<bool> seen(made.work.size(), false);
  for (operator_cost& cost : made.costs) cost = {0, cost.weight_bytes, 0, 0, cost.state_bytes, 0};
  for (const node& step : known.graph.nodes) {
    std::uint64_t bytes = dispatch_bytes;
    const auto add = [&](value_id id) {
      if (id != no_value && !known.graph.is_state(id))  // of which a run touches a small part
        bytes += static_cast<std::uint64_t>(known.dims[id].elements()) * size_of(known.graph.values[id].type);
    };
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (!is_table(step, i)) add(step.inputs[i]);
    std::for_each(step.outputs.begin(), step.outputs.end(), add);
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
      add_cost(known, step, storage, made.costs[index]);
    }
  }
}

}  // namespace

prediction predict(const graph& model, const operator_table& operators, dtype storage) {
  const std::size_t count = model.values.size();
  prediction made{std::vector<std::uint64_t>(model.nodes.size(), 1),
                  std::vector<operator_cost>(model.nodes.size()),
                  std::vector<std::uint64_t>(count, 1),
                  std::vector<std::optional<dtype>>(count),
                  std::vector<std::optional<shape>>(count),
                  std::vector<bool>(count, false)};
  for (const value_id id : model.inputs)
    if (model.values[id].type_known) made.types[id] = model.values[id].type;
  for (const auto& [id, data] : model.constants) made.types[id] = data.type();
  predict_from_weights(model, storage, made);

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
  predict_from_shapes(*known, operators, node_of_value, storage, made);
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
