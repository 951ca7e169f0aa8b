#include <algorithm>

#include "graph/inference.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// The outputs of `step`, or nothing when it must wait for the run.
std::optional<std::vector<tensor>> compute(const graph& model, const node& step, const operator_table& operators,
                                           std::size_t bytes_left) {
  const operator_definition* definition = operators.find(step);
  if (!definition || definition->expand) return std::nullopt;
  std::vector<const tensor*> operands(step.inputs.size(), nullptr);
  std::vector<infer_context::operand> facts(step.inputs.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (step.inputs[i] == no_value) continue;
    const auto found = model.constants.find(step.inputs[i]);
    if (found == model.constants.end()) return std::nullopt;
    operands[i] = &found->second;
    facts[i] = {true, found->second.type(), found->second.dims(), &found->second};
  }
  const auto inferred = infer_outputs(step, *definition, std::move(facts));
  if (!inferred) return std::nullopt;
  const std::size_t largest = largest_output_bytes(*inferred);
  if (largest > limits::folded_bytes_max || largest * step.outputs.size() > bytes_left) return std::nullopt;
  auto outputs = run_reference(step, *definition, operands);
  if (!outputs) return std::nullopt;
  return std::move(outputs).value();
}

}  // namespace

result<void> fold_constants(graph& model, const operator_table& operators) {
  std::vector<bool> is_output(model.values.size(), false);
  for (const value_id id : model.outputs) is_output[id] = true;
  std::size_t bytes_left = limits::folded_bytes_total_max;
  std::vector<node> kept;
  for (node& step : model.nodes) {
    auto outputs = compute(model, step, operators, bytes_left);
    if (!outputs) {
      kept.push_back(std::move(step));
      continue;
    }
    for (std::size_t i = 0; i < outputs->size(); ++i) {
      const value_id id = step.outputs[i];
      if (id == no_value) continue;
      tensor& data = (*outputs)[i];
      bytes_left -= std::min(bytes_left, data.byte_size());
      value_info& info = model.values[id];
      // What a caller receives has the type that the model declares.
      if (!is_output[id] || !info.type_known) info.type = data.type();
      info.type_known = true;
      info.dims.emplace();
      for (const auto extent : data.dims()) info.dims->push_back({extent, {}});
      model.constants.insert_or_assign(id, std::move(data));
    }
  }
  model.nodes = std::move(kept);
  return {};
}

}  // namespace troupe
