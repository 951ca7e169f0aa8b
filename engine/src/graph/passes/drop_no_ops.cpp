#include <algorithm>

#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

class no_op_dropper {
public:
  explicit no_op_dropper(graph& model)
      : model_(model),
        same_as_(model.values.size()),
        readers_(model.values.size(), 0),
        fixed_(model.values.size(), false) {
    for (value_id id = 0; id < same_as_.size(); ++id) same_as_[id] = id;
    for (const node& step : model.nodes)
      for (const value_id id : step.inputs)
        if (id != no_value) ++readers_[id];
    // Values whose id the caller or the list of constants knows; no other may take their place.
    for (const value_id id : model.inputs) fixed_[id] = true;
    for (const value_id id : model.outputs) {
      fixed_[id] = true;
      ++readers_[id];
    }
    for (const value_id id : model.states) fixed_[id] = true;
    for (const auto& [id, data] : model.constants) fixed_[id] = true;
  }

  void run() {
    std::vector<node> kept;
    for (node& step : model_.nodes) {
      if (!is_no_op(step) || !replace(step.inputs[0], step.outputs[0])) kept.push_back(std::move(step));
    }
    for (node& step : kept) {
      for (value_id& id : step.inputs) id = root(id);
      for (value_id& id : step.outputs) id = root(id);
    }
    model_.nodes = std::move(kept);
  }

private:
  value_id root(value_id id) {
    if (id == no_value) return id;
    while (same_as_[id] != id) id = same_as_[id] = same_as_[same_as_[id]];
    return id;
  }

  bool is_false(value_id id) const {
    const auto found = model_.constants.find(id);
    return found != model_.constants.end() && found->second.type() == dtype::boolean && found->second.elements() == 1 &&
           !found->second.as<bool>()[0];
  }

  bool is_unused(value_id id) const { return id == no_value || readers_[id] == 0; }

  bool is_no_op(const node& step) const {
    if (!step.domain.empty() || step.inputs.empty() || step.inputs[0] == no_value || step.outputs.empty() ||
        step.outputs[0] == no_value)
      return false;
    if (step.op == "Identity") return step.inputs.size() == 1 && step.outputs.size() == 1;
    if (step.op != "Dropout") return false;
    // From opset 12 on a third operand says whether the model is being trained; before that it never is.
    const bool training = step.inputs.size() > 2 && step.inputs[2] != no_value && !is_false(step.inputs[2]);
    return !training &&
           std::all_of(step.outputs.begin() + 1, step.outputs.end(), [&](value_id id) { return is_unused(id); });
  }

  /// Makes one value of the two, if the names that callers know allow it.
  bool replace(value_id from, value_id to) {
    from = root(from);
    if (!fixed_[to]) {
      same_as_[to] = from;
      return true;
    }
    if (fixed_[from]) return false;
    same_as_[from] = to;  // the producer makes the output itself
    return true;
  }

  graph& model_;
  std::vector<value_id> same_as_;
  std::vector<std::size_t> readers_;  ///< nodes, and the caller
  std::vector<bool> fixed_;
};

}  // namespace

void drop_no_ops(graph& model) {
  no_op_dropper(model).run();
}

}  // namespace troupe
