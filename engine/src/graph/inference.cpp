#include "graph/inference.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {

std::vector<bool> live_nodes(const graph& model) {
  std::vector<bool> wanted(model.values.size(), false);
  for (const value_id id : model.outputs) wanted[id] = true;
  std::vector<bool> live(model.nodes.size(), false);
  for (std::size_t i = model.nodes.size(); i-- > 0;) {
    const node& step = model.nodes[i];
    live[i] = std::any_of(step.outputs.begin(), step.outputs.end(),
                          [&](value_id id) { return id != no_value && wanted[id]; });
    if (!live[i]) continue;
    for (const value_id id : step.inputs)
      if (id != no_value) wanted[id] = true;
  }
  return live;
}

result<std::vector<infer_context::output>> infer_outputs(const node& step, const operator_definition& definition,
                                                         std::vector<infer_context::operand> operands) {
  const auto doing = [&] { return fmt::format("inferring the shape of {}", step.describe()); };
  if (!definition.infer)
    return fail(errc::internal, "the operator {} has no shape inference", step.op).while_doing(doing());
  infer_context context(step, std::move(operands));
  try {
    TROUPE_CHECK(definition.infer(context).while_doing(doing()));
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no memory for it").while_doing(doing());
  }
  for (std::size_t i = 0; i < step.outputs.size(); ++i)
    if (step.outputs[i] != no_value && !context.outputs()[i].set)
      return fail(errc::invalid_argument, "the operator {} has no output {}", step.op, i).while_doing(doing());
  return context.outputs();
}

std::size_t largest_output_bytes(const std::vector<infer_context::output>& outputs) {
  std::size_t most = 0;
  for (const auto& output : outputs)
    if (output.set) most = std::max(most, static_cast<std::size_t>(output.dims.elements()) * size_of(output.type));
  return most;
}

result<std::vector<tensor>> run_reference(const node& step, const operator_definition& definition,
                                          std::span<const tensor* const> inputs, std::span<tensor* const> states) {
  std::vector<infer_context::operand> operands(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) operands[i] = {true, inputs[i]->type(), inputs[i]->dims(), inputs[i]};
  TROUPE_TRY(const auto inferred, infer_outputs(step, definition, std::move(operands)));

  const auto doing = [&] { return fmt::format("computing {}", step.describe()); };
  if (!definition.reference)
    return fail(errc::unsupported, "the operator {} has no reference definition", step.op).while_doing(doing());
  std::vector<tensor> outputs(step.outputs.size());
  std::vector<tensor*> wanted(step.outputs.size(), nullptr);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (step.outputs[i] == no_value) continue;
    auto made = tensor::make(inferred[i].type, inferred[i].dims);
    if (!made) return std::move(made).error().while_doing(doing());
    outputs[i] = std::move(made).value();
    wanted[i] = &outputs[i];
  }
  for (const std::size_t i : definition.state_inputs)
    if (i < inputs.size() && inputs[i] && (i >= states.size() || !states[i]))
      return fail(errc::invalid_argument, "{} changes operand {}, which must be a state of the graph", step.describe(),
                  i);
  reference_context context(step, {inputs.begin(), inputs.end()}, wanted, {states.begin(), states.end()});
  try {
    TROUPE_CHECK(definition.reference(context).while_doing(doing()));
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no memory for it").while_doing(doing());
  } catch (const std::length_error&) {
    return fail(errc::out_of_memory, "the host has no memory for it").while_doing(doing());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (wanted[i] && (outputs[i].type() != inferred[i].type || outputs[i].dims() != inferred[i].dims))
      return fail(errc::internal, "output {} is {}, but {}{} was inferred", i, outputs[i].describe(),
                  to_string(inferred[i].type), inferred[i].dims.to_string())
          .while_doing(doing());
  return outputs;
}

}  // namespace troupe
