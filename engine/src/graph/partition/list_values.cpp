#include "graph/partition/list_values.hpp"

#include <algorithm>
#include <array>

#include "graph/bodies.hpp"

namespace troupe {
namespace {

constexpr std::array<std::string_view, 7> makers{"SequenceConstruct", "SequenceEmpty", "SequenceInsert",
                                                 "SequenceErase",     "SequenceMap",   "SplitToSequence",
                                                 "Optional"};
constexpr std::array<std::string_view, 2> passers{"Identity", "OptionalGetElement"};

std::vector<bool> find(const graph& model, std::vector<bool> lists);

/// Results of `step` that one of its bodies makes lists.
void look_inside(const node& step, const body_form& form, std::vector<bool>& lists) {
  std::vector<bool> inside(form.inside->values.size(), false);
  for (std::size_t k = 0; k < form.inputs(); ++k)
    if (const value_id id = step.inputs[form.first_operand + k]; id != no_value && lists[id])
      inside[form.inside->inputs[k]] = true;
  inside = find(*form.inside, std::move(inside));
  for (std::size_t k = 0; k < step.outputs.size(); ++k)
    if (step.outputs[k] != no_value && inside[form.inside->outputs[form.first_result + k]])
      lists[step.outputs[k]] = true;
}

std::vector<bool> find(const graph& model, std::vector<bool> lists) {
  const auto one_of = [](const auto& names, const node& step) {
    return step.domain.empty() && std::find(names.begin(), names.end(), step.op) != names.end();
  };
  for (const node& step : model.nodes) {
    const bool passes =
        one_of(passers, step) && !step.inputs.empty() && step.inputs[0] != no_value && lists[step.inputs[0]];
    if (passes || one_of(makers, step))
      for (const value_id id : step.outputs)
        if (id != no_value) lists[id] = true;
    if (const auto forms = read_bodies(step))
      for (const body_form& form : *forms) look_inside(step, form, lists);
  }
  return lists;
}

}  // namespace

std::vector<bool> list_values(const graph& model) {
  return find(model, std::vector<bool>(model.values.size(), false));
}

}  // namespace troupe
