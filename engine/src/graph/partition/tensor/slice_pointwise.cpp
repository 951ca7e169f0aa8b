// Operators that treat elements, channels or rows each for itself.
#include <algorithm>
#include <array>

#include "graph/partition/tensor/slice_rules.hpp"
#include "kernels/unary.hpp"

namespace troupe::slice_rules {
namespace {

template <std::size_t N>
bool one_of(const node& step, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return is_onnx(step, name); });
}

constexpr std::array<std::string_view, 23> broadcasting{
    "Add",  "Sub",     "Mul",   "Div",  "Pow",         "Mod",     "PRelu",
    "Sum",  "Min",     "Max",   "Mean", "Where",       "And",     "Or",
    "Xor",  "Not",     "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
    "Cast", "Identity"};

constexpr std::array<std::string_view, 5> poolings{"MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
                                                   "GlobalMaxPool"};

/// The operand's form that goes with a result cut by `cut`, of rank `rank`: a piece, or the whole where it is
/// broadcast. Nothing when that cannot be known.
struct aligned_operand {
  bool whole = true;
  axis_cut cut;
};
std::optional<aligned_operand> align(const slice_builder& to, value_id id, std::size_t rank, const axis_cut& cut) {
  const auto own = to.facts().rank(id);
  if (!own) return std::nullopt;
  const std::size_t from_end = rank - cut.axis;
  if (*own < from_end) return aligned_operand{};
  const auto extent = to.facts().extent(id, *own - from_end);
  if (extent == 1) return aligned_operand{};
  if (extent != cut.whole()) return std::nullopt;
  return aligned_operand{false, {*own - from_end, cut.bounds}};
}

/// Zeros for everything that pads the axis, which then keeps its elements.
bool pads_leave(const slice_builder& to, const node& step, std::size_t axis) {
  if (step.inputs.size() > 3 && step.inputs[3] != no_value) return false;
  const tensor* pads = step.inputs.size() > 1 ? to.constant(step.inputs[1]) : nullptr;
  if (!pads || pads->type() != dtype::i64) return false;
  const auto amounts = pads->as<std::int64_t>();
  const std::size_t rank = amounts.size() / 2;
  return axis < rank && amounts[axis] == 0 && amounts[axis + rank] == 0;
}

bool resize_leaves(const slice_builder& to, const node& step, std::size_t axis) {
  if (step.has("axes") || step.inputs.size() != 3) return false;
  const tensor* scales = to.constant(step.inputs[2]);
  return scales && scales->type() == dtype::f32 && axis < scales->elements() && scales->as<float>()[axis] == 1;
}

}  // namespace

bool is_onnx(const node& step, std::string_view op) {
  return step.op == op && (step.domain.empty() || step.domain == "ai.onnx");
}

bool is_elementwise(const node& step) {
  if (step.outputs.size() != 1 || step.outputs[0] == no_value) return false;
  const bool plain = step.domain.empty() || step.domain == "ai.onnx" || step.op == "FakeQuantizeLinear";
  return one_of(step, broadcasting) || (plain && find_unary(step.op) != nullptr);
}

bool elementwise(slice_builder& to, const node& step) {
  if (!is_elementwise(step)) return false;
  const auto rank = to.facts().rank(step.outputs[0]);
  const auto first =
      std::find_if(step.inputs.begin(), step.inputs.end(), [&](value_id id) { return to.cut_of(id) != nullptr; });
  if (!rank || first == step.inputs.end()) return false;
  const auto own = to.facts().rank(*first);
  if (!own) return false;
  axis_cut cut = *to.cut_of(*first);
  cut.axis += *rank - *own;
  std::vector<aligned_operand> forms;
  for (const value_id id : step.inputs) {
    const auto form = id == no_value ? std::optional<aligned_operand>(aligned_operand{}) : align(to, id, *rank, cut);
    if (!form) return false;
    forms.push_back(*form);
  }
  node mine = step;
  for (std::size_t i = 0; i < mine.inputs.size(); ++i)
    mine.inputs[i] = forms[i].whole ? to.whole(step.inputs[i]) : to.piece(step.inputs[i], forms[i].cut);
  to.add(std::move(mine), {cut});
  return true;
}

bool channelwise(slice_builder& to, const node& step) {
  const axis_cut* cut = step.inputs.empty() ? nullptr : to.cut_of(step.inputs[0]);
  if (!cut || cut->axis != 1 || step.outputs.size() != 1) return false;
  const bool scaled = is_onnx(step, "BatchNormalization") || is_onnx(step, "InstanceNormalization");
  const bool leaves = one_of(step, poolings) || scaled || (is_onnx(step, "Pad") && pads_leave(to, step, 1)) ||
                      (is_onnx(step, "Resize") && resize_leaves(to, step, 1));
  if (!leaves) return false;
  const axis_cut channels = *cut;
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], channels);
  for (std::size_t i = 1; i < mine.inputs.size(); ++i)
    mine.inputs[i] = scaled ? to.piece(step.inputs[i], {0, channels.bounds}) : to.whole(step.inputs[i]);
  to.add(std::move(mine), {channels});
  return true;
}

bool rowwise(slice_builder& to, const node& step) {
  const bool softmax = is_onnx(step, "Softmax") || is_onnx(step, "LogSoftmax");
  const bool normalizes = is_onnx(step, "LayerNormalization") || is_onnx(step, "RMSNormalization");
  if ((!softmax && !normalizes) || step.outputs.size() != 1) return false;
  const axis_cut* cut = to.cut_of(step.inputs[0]);
  const auto rank = to.facts().rank(step.inputs[0]);
  // Before opset 13 Softmax flattens the axes behind its own.
  if (!cut || !rank || (softmax && step.version < 13)) return false;
  const auto axis = normalize_axis(step.int_or("axis", -1), *rank);
  if (!axis || (softmax ? cut->axis == *axis : cut->axis >= *axis)) return false;
  const axis_cut rows = *cut;
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], rows);
  for (std::size_t i = 1; i < mine.inputs.size(); ++i) mine.inputs[i] = to.whole(step.inputs[i]);
  to.add(std::move(mine), {rows});
  return true;
}

}  // namespace troupe::slice_rules
