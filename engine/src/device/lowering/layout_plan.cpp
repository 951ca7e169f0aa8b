#include "device/lowering/layout_plan.hpp"

namespace troupe {
namespace {

class layout_planner {
public:
  layout_planner(const specialized_graph& model, const operator_table& operators, const device_traits& traits,
                 dtype storage)
      : model_(model),
        operators_(operators),
        traits_(traits),
        storage_(storage),
        made_in_(model.graph.values.size(), memory_layout::plain) {}

  node_layouts plan(const node& step, bool on_device) {
    node_layouts made{std::vector<memory_layout>(step.inputs.size(), memory_layout::plain),
                      std::vector<memory_layout>(step.outputs.size(), memory_layout::plain)};
    const operator_definition* definition = operators_.find(step);
    if (!on_device || !definition->layouts) return made;
    const layout_offer offer = definition->layouts(question(step));
    const bool in_blocks = offer.when == layout_offer::mode::blocks ||
                           (offer.when == layout_offer::mode::follow && mostly_in_blocks(step, offer));
    if (!in_blocks) return made;
    for (std::size_t i = 0; i < step.inputs.size() && i < offer.inputs.size(); ++i)
      if (offer.inputs[i] && step.inputs[i] != no_value) made.inputs[i] = memory_layout::blocks;
    for (std::size_t i = 0; i < step.outputs.size() && i < offer.outputs.size(); ++i) {
      if (!offer.outputs[i] || step.outputs[i] == no_value) continue;
      made.outputs[i] = memory_layout::blocks;
      made_in_[step.outputs[i]] = memory_layout::blocks;
    }
    return made;
  }

private:
  lowering_context::operand operand_of(value_id id) const {
    if (id == no_value) return {};
    const auto known = model_.graph.constants.find(id);
    const tensor* contents = known == model_.graph.constants.end() ? nullptr : &known->second;
    return {true, model_.dims[id], model_.graph.values[id].type, contents, id, memory_layout::plain};
  }

  lowering_context question(const node& step) const {
    std::vector<lowering_context::operand> inputs, outputs;
    for (const value_id id : step.inputs) inputs.push_back(operand_of(id));
    for (const value_id id : step.outputs) outputs.push_back(operand_of(id));
    return {step, traits_, storage_, std::move(inputs), std::move(outputs), 0};
  }

  bool mostly_in_blocks(const node& step, const layout_offer& offer) const {
    std::int64_t blocks = 0, plain = 0;
    for (std::size_t i = 0; i < step.inputs.size() && i < offer.inputs.size(); ++i) {
      const value_id id = step.inputs[i];
      // Constants are rearranged once, before the first run.
      if (!offer.inputs[i] || id == no_value || model_.graph.constants.count(id)) continue;
      (made_in_[id] == memory_layout::blocks ? blocks : plain) += model_.dims[id].elements();
    }
    return blocks > 0 && blocks >= plain;
  }

  const specialized_graph& model_;
  const operator_table& operators_;
  const device_traits& traits_;
  dtype storage_;
  std::vector<memory_layout> made_in_;  ///< by value
};

}  // namespace

std::vector<node_layouts> plan_layouts(const specialized_graph& model, const std::vector<bool>& on_device,
                                       const operator_table& operators, const device_traits& traits, dtype storage) {
  layout_planner planner(model, operators, traits, storage);
  std::vector<node_layouts> made;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i)
    made.push_back(planner.plan(model.graph.nodes[i], on_device[i]));
  return made;
}

}  // namespace troupe
