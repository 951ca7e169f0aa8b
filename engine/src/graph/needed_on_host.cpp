#include <algorithm>

#include "graph/inference.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// Nodes that one search looks at. What bodies keep from one iteration to the next makes it look at them again, and
/// those inside even more often; when this is not enough, everything counts as needed, which is slower and as right.
constexpr std::size_t visits_max = 20'000'000;

class need_finder {
public:
  explicit need_finder(const operator_table& operators) : operators_(operators) {}

  /// `outputs`: which outputs of `model` are needed.
  std::vector<bool> values(const graph& model, const std::vector<bool>& outputs) {
    std::vector<bool> needed(model.values.size(), false);
    if (visits_ + model.nodes.size() > visits_max) return std::vector<bool>(model.values.size(), true);
    visits_ += model.nodes.size() + 1;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i]) needed[model.outputs[i]] = true;
    const std::vector<bool> live = live_nodes(model);
    for (std::size_t i = model.nodes.size(); i-- > 0;)
      if (live[i]) visit(model.nodes[i], needed);
    return needed;
  }

  /// What is needed in a body, over all iterations.
  std::vector<bool> in_body(const body_form& form, std::vector<bool> outputs) {
    if (form.goes_on) outputs[0] = true;
    for (;;) {
      bool changed = false;
      auto needed = values(*form.inside, outputs);
      for (std::size_t k = 0; k < form.states; ++k) {
        if (!needed[form.inside->inputs[form.first_state + k]] || outputs[form.first_result + k]) continue;
        outputs[form.first_result + k] = changed = true;
      }
      if (!changed) return needed;
    }
  }

private:
  void visit(const node& step, std::vector<bool>& needed) {
    const operator_definition* definition = operators_.find(step);
    if (!definition) return;
    const auto need = [&](value_id id) {
      if (id != no_value) needed[id] = true;
    };
    for (const std::size_t operand : definition->host_inputs)
      if (operand < step.inputs.size()) need(step.inputs[operand]);
    if (definition->expand) {
      // What is wrong with bodies is said when they are written out.
      if (const auto forms = read_bodies(step); forms && !forms->empty()) {
        for (const body_form& form : *forms) visit_body(step, form, needed);
        return;
      }
    }
    const bool feeds_host = std::any_of(step.outputs.begin(), step.outputs.end(),
                                        [&](value_id id) { return id != no_value && needed[id]; });
    if (feeds_host && !definition->shape_only)
      for (const value_id id : step.inputs) need(id);
  }

  void visit_body(const node& step, const body_form& form, std::vector<bool>& needed) {
    std::vector<bool> outputs(form.inside->outputs.size(), false);
    for (std::size_t k = 0; k < step.outputs.size(); ++k)
      outputs[form.first_result + k] = step.outputs[k] != no_value && needed[step.outputs[k]];
    const std::vector<bool> inside = in_body(form, std::move(outputs));
    for (std::size_t k = 0; k < form.inputs(); ++k)
      if (const value_id id = step.inputs[form.first_operand + k]; id != no_value && inside[form.inside->inputs[k]])
        needed[id] = true;
  }

  const operator_table& operators_;
  std::size_t visits_ = 0;
};

}  // namespace

std::vector<bool> values_needed_on_host(const graph& model, const operator_table& operators) {
  return need_finder(operators).values(model, {});
}

std::vector<bool> values_needed_in_body(const node& step, const body_form& form, const operator_table& operators,
                                        const std::function<bool(value_id)>& needed) {
  std::vector<bool> outputs(form.inside->outputs.size(), false);
  for (std::size_t k = 0; k < step.outputs.size(); ++k)
    outputs[form.first_result + k] = step.outputs[k] != no_value && needed(step.outputs[k]);
  return need_finder(operators).in_body(form, std::move(outputs));
}

}  // namespace troupe
