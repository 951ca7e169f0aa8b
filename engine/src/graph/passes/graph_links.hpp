// Who makes and who reads each value, for passes that look for patterns. A pass rewrites the last node of what it
// finds; the rest disappears as dead code, unless somebody else reads it.
#pragma once

#include <cmath>
#include <optional>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Describes the graph as it was when made. Borrows it.
class graph_links {
public:
  explicit graph_links(const graph& model)
      : model_(model), makers_(model.values.size(), nullptr), readers_(makers_.size()) {
    for (const node& step : model.nodes) {
      for (const value_id id : step.inputs)
        if (id != no_value) ++readers_[id];
      for (const value_id id : step.outputs)
        if (id != no_value) makers_[id] = &step;
    }
    for (const value_id id : model.outputs) ++readers_[id];
  }

  /// The node of this kind that makes the value as its first output; nullptr when something else does.
  const node* maker(value_id id, std::string_view op, std::size_t inputs) const {
    if (id >= makers_.size() || !makers_[id]) return nullptr;
    const node& made = *makers_[id];
    return is(made, op, inputs) && made.outputs[0] == id ? &made : nullptr;
  }
  /// True for a node of ONNX's own with this many operands, none of them left out.
  static bool is(const node& step, std::string_view op, std::size_t inputs) {
    if (step.op != op || !(step.domain.empty() || step.domain == "ai.onnx") || step.outputs.empty() ||
        step.outputs[0] == no_value || step.inputs.size() != inputs)
      return false;
    for (const value_id id : step.inputs)
      if (id == no_value) return false;
    return true;
  }
  /// Nodes and callers that read the value.
  std::size_t readers(value_id id) const { return id < readers_.size() ? readers_[id] : 0; }

  const tensor* constant(value_id id) const {
    const auto found = model_.constants.find(id);
    return found == model_.constants.end() ? nullptr : &found->second;
  }
  /// The only element of a floating-point constant of rank 1 at most.
  std::optional<double> scalar(value_id id) const {
    const tensor* data = constant(id);
    if (!data || data->elements() != 1 || data->dims().rank() > 1 || !is_float(data->type())) return std::nullopt;
    const auto wide = convert(*data, dtype::f64);
    return wide ? std::optional(wide->as<double>()[0]) : std::nullopt;
  }
  /// True for a constant that is `value` up to the rounding of float16.
  bool is_scalar(value_id id, double value) const {
    const auto found = scalar(id);
    return found && std::abs(*found - value) <= 1e-3 * std::abs(value);
  }

private:
  const graph& model_;
  std::vector<const node*> makers_;
  std::vector<std::size_t> readers_;
};

/// The operands of a node of two, in both orders.
template <class Visit>
bool in_either_order(const node& step, Visit visit) {
  return visit(step.inputs[0], step.inputs[1]) || visit(step.inputs[1], step.inputs[0]);
}

/// Makes `step` another operator with the same first output.
inline void become(node& step, std::string op, int version, std::vector<value_id> inputs,
                   std::map<std::string, attribute, std::less<>> attributes) {
  step.op = std::move(op);
  step.version = version;
  step.inputs = std::move(inputs);
  step.outputs.resize(1);
  step.attributes = std::move(attributes);
}

}  // namespace troupe
