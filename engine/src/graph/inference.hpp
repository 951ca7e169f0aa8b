// Steps that specialisation and the passes share: which nodes matter, and what one node makes.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "graph/bodies.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// For each node, whether an output of the graph needs it. `model.nodes` must be in order.
std::vector<bool> live_nodes(const graph& model);

/// For each value, whether its contents must be known before the run: it reaches, through whatever live nodes, an
/// operand in `operator_definition::host_inputs`, or what decides whether a Loop goes on. Operators that look at shapes
/// only end such a chain.
std::vector<bool> values_needed_on_host(const graph& model, const operator_table& operators);

/// The same for the values of a body of `step`, of whose results those are needed of which `needed` says so.
std::vector<bool> values_needed_in_body(const node& step, const body_form& form, const operator_table& operators,
                                        const std::function<bool(value_id)>& needed);

/// Types and shapes of everything `step` makes; the error says whose shape was inferred. Every output that the node
/// does not leave out is set.
result<std::vector<infer_context::output>> infer_outputs(const node& step, const operator_definition& definition,
                                                         std::vector<infer_context::operand> operands);

/// Whether a device computes `step` with a kernel, so that its results have the device's rounding: see
/// `operator_definition::lower`. `type_of` gives the type of each value.
template <class TypeOf>
bool has_kernel(const node& step, const operator_definition& definition, TypeOf type_of) {
  if (!definition.lower) return false;
  const auto fits = [&](value_id id) {
    return id == no_value || type_of(id) == dtype::f16 || type_of(id) == dtype::f32;
  };
  const auto listed = [](const std::vector<std::size_t>& list, std::size_t i) {
    return std::find(list.begin(), list.end(), i) != list.end();
  };
  for (std::size_t i = 0; i < step.inputs.size(); ++i)
    if (!fits(step.inputs[i]) && !listed(definition.host_inputs, i) && !listed(definition.index_inputs, i) &&
        !(definition.byte_inputs_from && i >= *definition.byte_inputs_from))
      return false;
  return std::all_of(step.outputs.begin(), step.outputs.end(), fits);
}

/// Bytes of the largest output.
std::size_t largest_output_bytes(const std::vector<infer_context::output>& outputs);

}  // namespace troupe
