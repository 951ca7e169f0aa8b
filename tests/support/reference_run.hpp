// Runs a graph with the reference definitions, one node after the other: what every pass and cut is compared with.
#pragma once

#include <optional>
#include <vector>

#include "graph/inference.hpp"
#include "support/check.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe::test {

/// Floating-point contents as they are after they were kept as `storage`.
inline tensor kept_as(const tensor& data, dtype storage) {
  return is_float(data.type()) ? need(convert(need(convert_to_storage(data, storage)), data.type())) : data;
}

/// Inputs and outputs as `program::run` has them: inputs become their declared types, outputs the types that the
/// specialised graph gives them. With `storage`, what kernels read and write is rounded to it, as on a device.
inline std::vector<tensor> reference_run(const graph& model, const operator_table& operators,
                                         const std::vector<tensor>& inputs,
                                         std::optional<dtype> storage = std::nullopt) {
  const specialized_graph made = need(specialize(model, operators, inputs));
  need(validate(made.graph));
  std::vector<std::optional<tensor>> values(made.graph.values.size());
  for (const auto& [id, data] : made.graph.constants) values[id] = data;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const value_id id = made.graph.inputs[i];
    values[id] = need(convert(inputs[i], made.graph.values[id].type));
  }
  for (const node& step : made.graph.nodes) {
    const operator_definition& definition = *operators.find(step);
    const bool rounds =
        storage && has_kernel(step, definition, [&](value_id id) { return made.graph.values[id].type; });
    std::vector<tensor> operands(step.inputs.size());
    std::vector<const tensor*> pointers(step.inputs.size(), nullptr);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (step.inputs[i] == no_value) continue;
      operands[i] = rounds ? kept_as(*values[step.inputs[i]], *storage) : *values[step.inputs[i]];
      pointers[i] = &operands[i];
    }
    auto outputs = need(run_reference(step, definition, pointers));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (step.outputs[i] != no_value) values[step.outputs[i]] = rounds ? kept_as(outputs[i], *storage) : outputs[i];
  }
  std::vector<tensor> outputs;
  for (const value_id id : made.graph.outputs) {
    outputs.push_back(need(convert_to_storage(*values[id], made.graph.values[id].type)));
    REQUIRE(outputs.back().dims() == made.dims[id]);
  }
  return outputs;
}

}  // namespace troupe::test
