#include "device/host_values.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// As the device stores it: what is too large for binary16 is clamped.
result<tensor> as_type(const tensor& data, dtype type) {
  return type == dtype::f16 ? convert_to_storage(data, type) : convert(data, type);
}

}  // namespace

result<void> host_values::set_inputs(std::span<const tensor> inputs) {
  const graph& model = work_.model.graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const value_info& declared = model.values[model.inputs[i]];
    const bool converts = is_float(declared.type) && is_float(inputs[i].type());
    tensor data = inputs[i];
    if (converts) {
      TROUPE_TRY(data, as_type(inputs[i], declared.type));
    }
    set(model.inputs[i], std::move(data));
  }
  return {};
}

void host_values::set(value_id id, tensor data) {
  known_[id] = {true, std::move(data)};
}

result<const tensor*> host_values::get(value_id id) {
  if (known_[id].set) return &known_[id].data;
  const auto constant = work_.model.graph.constants.find(id);
  if (constant != work_.model.graph.constants.end()) return &constant->second;
  const std::uint32_t root = work_.slots[id].root;
  if (root == id) return fail(errc::internal, "\"{}\" is read before it is there", work_.value(id).name);
  TROUPE_TRY(const tensor* source, get(root));
  TROUPE_TRY(const tensor typed, convert(*source, work_.value(id).type));
  TROUPE_TRY(tensor view, typed.reshaped(work_.dims(id)));
  set(id, std::move(view));
  return &known_[id].data;
}

result<void> host_values::run_node(const node& step, const operator_table& operators) {
  std::vector<const tensor*> operands;
  for (const value_id id : step.inputs) {
    const tensor* operand = nullptr;
    if (id != no_value) {
      TROUPE_TRY(operand, get(id));
    }
    operands.push_back(operand);
  }
  TROUPE_TRY(auto made, run_reference(step, *operators.find(step), operands));
  for (std::size_t i = 0; i < step.outputs.size(); ++i)
    if (step.outputs[i] != no_value) set(step.outputs[i], std::move(made[i]));
  return {};
}

result<std::vector<tensor>> host_values::outputs() {
  std::vector<tensor> made;
  for (const value_id id : work_.model.graph.outputs) {
    TROUPE_TRY(const tensor* data, get(id));
    TROUPE_TRY(tensor typed, as_type(*data, work_.value(id).type));
    made.push_back(std::move(typed));
  }
  return made;
}

}  // namespace troupe
