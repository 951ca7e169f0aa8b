// Runs a graph with the reference definitions, one node after the other: what every pass and cut is compared with.
#pragma once

#include <optional>
#include <vector>

#include "support/check.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe::test {

/// Inputs and outputs as `program::run` has them: inputs become their declared types, outputs the types that the
/// specialised graph gives them.
inline std::vector<tensor> reference_run(const graph& model, const operator_table& operators,
                                         const std::vector<tensor>& inputs) {
  const specialized_graph made = need(specialize(model, operators, inputs));
  need(validate(made.graph));
  std::vector<std::optional<tensor>> values(made.graph.values.size());
  for (const auto& [id, data] : made.graph.constants) values[id] = data;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const value_id id = made.graph.inputs[i];
    values[id] = need(convert(inputs[i], made.graph.values[id].type));
  }
  for (const node& step : made.graph.nodes) {
    std::vector<const tensor*> operands;
    for (const value_id id : step.inputs) operands.push_back(id == no_value ? nullptr : &*values[id]);
    auto outputs = need(run_reference(step, *operators.find(step), operands));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (step.outputs[i] != no_value) values[step.outputs[i]] = std::move(outputs[i]);
  }
  std::vector<tensor> outputs;
  for (const value_id id : made.graph.outputs) {
    outputs.push_back(need(convert_to_storage(*values[id], made.graph.values[id].type)));
    REQUIRE(outputs.back().dims() == made.dims[id]);
  }
  return outputs;
}

}  // namespace troupe::test
