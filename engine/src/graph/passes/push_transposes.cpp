#include <algorithm>

#include "graph/passes/graph_links.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

using permutation = std::vector<std::int64_t>;

constexpr std::string_view unary_functions[] = {
    "Abs",       "Ceil",      "Cos", "Elu",      "Erf",      "Exp",        "Floor", "Gelu",  "HardSigmoid",
    "HardSwish", "LeakyRelu", "Log", "Mish",     "Neg",      "Reciprocal", "Relu",  "Round", "Selu",
    "Sigmoid",   "Sign",      "Sin", "Softplus", "Softsign", "Sqrt",       "Swish", "Tanh"};
constexpr std::string_view binary_functions[] = {"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"};

template <std::size_t Count>
bool contains(const std::string_view (&names)[Count], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

const permutation* order_of(const node* step) {
  const permutation* order = step ? step->ints("perm") : nullptr;
  if (!order) return nullptr;
  permutation sorted = *order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<std::int64_t>(i)) return nullptr;
  return order;
}

/// One sweep in which every Transpose moves at most one node on, towards one that undoes it.
class sweep {
public:
  explicit sweep(graph& model) : model_(model), links_(model) {}

  bool run() {
    for (node& step : model_.nodes) {
      if (graph_links::is(step, "Transpose", 1))
        join(step);
      else if (graph_links::is(step, step.op, 1) && contains(unary_functions, step.op))
        push_unary(step);
      else if (graph_links::is(step, step.op, 2) && contains(binary_functions, step.op))
        push_binary(step);
      if (changed_) return true;  // what the links say holds no more
    }
    return false;
  }

private:
  node* transpose(value_id id) const {
    return const_cast<node*>(links_.maker(id, "Transpose", 1));  // of `model_`, which this class may change
  }

  /// Transpose(Transpose(x)) is one, or nothing.
  void join(node& step) {
    const node* first = transpose(step.inputs[0]);
    const permutation *before = order_of(first), *after = order_of(&step);
    if (!before || !after || before->size() != after->size()) return;
    permutation both;
    for (const std::int64_t axis : *after) both.push_back((*before)[static_cast<std::size_t>(axis)]);
    const value_id source = first->inputs[0];
    if (std::is_sorted(both.begin(), both.end()))
      become(step, "Identity", step.version, {source}, {});
    else
      become(step, "Transpose", step.version, {source}, {{"perm", both}});
    changed_ = true;
  }

  /// `first` does what `step` did, before its axes are changed; `step` changes them.
  void exchange(node& first, node& step, std::vector<value_id> operands) {
    const value_id between = first.outputs[0], result = step.outputs[0];
    const value_info info = model_.values[result];
    model_.values[between].dims.reset();
    model_.values[between].type = info.type;
    model_.values[between].type_known = info.type_known;
    std::swap(first, step);
    first.inputs = std::move(operands);
    first.outputs = {between};
    step.inputs = {between};
    step.outputs = {result};
    changed_ = true;
  }

  /// A Transpose that only `reader` reads, which another Transpose, one or more functions later, may undo.
  bool may_move(const node* first) const { return order_of(first) && links_.readers(first->outputs[0]) == 1; }

  void push_unary(node& step) {
    node* first = transpose(step.inputs[0]);
    if (may_move(first) && step.outputs.size() == 1) exchange(*first, step, {first->inputs[0]});
  }

  void push_binary(node& step) {
    node *left = transpose(step.inputs[0]), *right = transpose(step.inputs[1]);
    const bool left_scalar = links_.scalar(step.inputs[0]).has_value();
    const bool right_scalar = links_.scalar(step.inputs[1]).has_value();
    if (left && right && left != right && may_move(left) && may_move(right) && *order_of(left) == *order_of(right)) {
      node& later = left < right ? *right : *left;  // both operands are there
      exchange(later, step, {left->inputs[0], right->inputs[0]});
    } else if (left && right_scalar && may_move(left)) {
      exchange(*left, step, {left->inputs[0], step.inputs[1]});
    } else if (right && left_scalar && may_move(right)) {
      exchange(*right, step, {step.inputs[0], right->inputs[0]});
    }
  }

  graph& model_;
  graph_links links_;
  bool changed_ = false;
};

}  // namespace

void push_transposes(graph& model) {
  // Every Transpose moves towards the end and none comes back, so this ends; the bound keeps large graphs quick.
  constexpr std::size_t sweeps_max = 1000;
  for (std::size_t i = 0; i < sweeps_max; ++i)
    if (!sweep(model).run()) return;
}

}  // namespace troupe
