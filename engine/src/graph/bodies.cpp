// https://onnx.ai/onnx/operators/onnx__Loop.html and its neighbours
#include "graph/bodies.hpp"

#include <algorithm>

#include "graph/value_namer.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

result<body_form> read_body(const node& step, std::string_view key, body_form form) {
  form.inside = step.body_attribute(key);
  if (!form.inside) return fail(errc::invalid_argument, "{} lacks the body \"{}\"", step.describe(), key);
  if (form.captures > step.inputs.size() || step.inputs.size() - form.captures < form.first_operand + form.first_state)
    return fail(errc::invalid_argument, "{} has {} operands, which are too few", step.describe(), step.inputs.size());
  for (std::size_t i = form.first_operand + form.first_state; i < step.inputs.size(); ++i)
    if (step.inputs[i] == no_value) return fail(errc::invalid_argument, "{} lacks operand {}", step.describe(), i);
  const std::size_t operands = step.inputs.size() - form.first_operand;
  if (form.inputs() != operands)
    return fail(errc::invalid_argument, "the body \"{}\" of {} takes {} values, but the node gives it {}", key,
                step.describe(), form.inputs() - std::min(form.inputs(), form.captures), operands - form.captures);
  const std::size_t results = form.first_result + step.outputs.size();
  if (form.inside->outputs.size() != results)
    return fail(errc::invalid_argument, "the body \"{}\" of {} gives {} values, but the node needs {}", key,
                step.describe(), form.inside->outputs.size(), results);
  if (form.states > step.outputs.size())
    return fail(errc::invalid_argument, "{} has {} results, but keeps {} values from one iteration to the next",
                step.describe(), step.outputs.size(), form.states);
  return form;
}

}  // namespace

result<std::vector<body_form>> read_bodies(const node& step) {
  std::vector<body_form> forms;
  body_form form;
  form.captures = static_cast<std::size_t>(std::max<std::int64_t>(0, step.int_or(captures_attribute, 0)));
  const std::size_t own = step.inputs.size() - std::min(step.inputs.size(), form.captures);
  const auto add = [&](std::string_view key) -> result<void> {
    TROUPE_TRY(const body_form made, read_body(step, key, form));
    forms.push_back(made);
    return {};
  };
  if (!step.domain.empty()) return forms;
  if (step.op == "If") {
    form.first_operand = 1;
    TROUPE_CHECK(add("then_branch"));
    TROUPE_CHECK(add("else_branch"));
  } else if (step.op == "Loop") {
    form.first_result = 1;
    form.first_state = 2;
    form.states = own - std::min<std::size_t>(own, 2);
    form.goes_on = true;
    TROUPE_CHECK(add("body"));
  } else if (step.op == "Scan") {
    form.first_operand = step.version < 9 ? 1 : 0;  // before opset 9 the lengths of sequences come first
    const auto scanned = static_cast<std::size_t>(std::max<std::int64_t>(0, step.int_or("num_scan_inputs", 0)));
    if (scanned < 1 || own < form.first_operand || scanned > own - form.first_operand)
      return fail(errc::invalid_argument, "{} has {} operands, of which {} cannot be scanned", step.describe(), own,
                  step.int_or("num_scan_inputs", 0));
    form.states = own - form.first_operand - scanned;
    TROUPE_CHECK(add("body"));
  } else if (step.op == "SequenceMap") {
    TROUPE_CHECK(add("body"));
  }
  return forms;
}

namespace {

/// Moves the constants of one body of `step`, which is a node of `around`, out of it.
void hoist_from(graph& inside, graph& around, node& step, value_namer& names, std::vector<value_id>& moved) {
  hoist_constants(inside);
  for (auto& [id, data] : inside.constants) {
    const std::string name = names.fresh(around, inside.values[id].name);
    step.inputs.push_back(around.add_constant(name, std::move(data)));
    moved.push_back(id);
  }
  inside.constants.clear();
}

}  // namespace

void hoist_constants(graph& model) {
  value_namer names;
  for (node& step : model.nodes) {
    std::vector<std::pair<std::string, std::shared_ptr<graph>>> bodies;
    for (const auto& [key, held] : step.attributes)
      if (const auto* inside = std::get_if<subgraph>(&held))
        bodies.emplace_back(key, std::make_shared<graph>(**inside));
    if (bodies.empty()) continue;
    const std::size_t before = step.inputs.size();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      std::vector<value_id> moved;
      hoist_from(*bodies[i].second, model, step, names, moved);
      for (std::size_t k = 0; k < bodies.size(); ++k) {
        graph& inside = *bodies[k].second;
        value_namer own;
        for (const value_id id : moved)
          inside.inputs.push_back(
              k == i ? id : inside.add_value({own.fresh(inside, "constant"), dtype::f32, false, std::nullopt}));
      }
    }
    for (auto& [key, inside] : bodies) step.attributes.insert_or_assign(key, subgraph(std::move(inside)));
    const auto added = static_cast<std::int64_t>(step.inputs.size() - before);
    if (added > 0)
      step.attributes.insert_or_assign(std::string(captures_attribute), step.int_or(captures_attribute, 0) + added);
  }
}

}  // namespace troupe
