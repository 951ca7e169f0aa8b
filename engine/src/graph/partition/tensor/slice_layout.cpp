// Operators that move elements or pick some of them, along other axes than the one that is cut.
#include <algorithm>
#include <numeric>

#include "graph/partition/tensor/slice_rules.hpp"

namespace troupe::slice_rules {
namespace {

const axis_cut* first_cut(const slice_builder& to, const node& step) {
  return step.inputs.empty() ? nullptr : to.cut_of(step.inputs[0]);
}

/// The shape that a Reshape gives a slice: the numbers of `wanted`, or, where only a run knows them, of the result.
std::optional<std::vector<std::int64_t>> sliced_shape(const slice_builder& to, const node& step,
                                                      const axis_cut& result) {
  const auto rank = to.facts().rank(step.outputs[0]);
  if (!rank || step.int_or("allowzero", 0) != 0 || step.inputs.size() != 2) return std::nullopt;
  std::vector<std::int64_t> extents;
  const tensor* wanted = to.constant(step.inputs[1]);
  if (wanted && wanted->type() == dtype::i64) {
    extents.assign(wanted->as<std::int64_t>().begin(), wanted->as<std::int64_t>().end());
    // A copied extent may be that of another axis, and of a slice.
    if (std::find(extents.begin(), extents.end(), 0) != extents.end()) extents.clear();
  }
  if (extents.size() != *rank) {
    extents.clear();
    for (std::size_t axis = 0; axis < *rank; ++axis)
      extents.push_back(to.facts().extent(step.outputs[0], axis).value_or(-1));
    if (std::count(extents.begin(), extents.end(), -1) > 1) return std::nullopt;
  }
  if (extents[result.axis] != -1) extents[result.axis] = result.extent(to.slice());
  return extents;
}

}  // namespace

bool transpose(slice_builder& to, const node& step) {
  const axis_cut* cut = first_cut(to, step);
  if (!cut || !is_onnx(step, "Transpose")) return false;
  const auto rank = to.facts().rank(step.inputs[0]);
  if (!rank) return false;
  std::vector<std::int64_t> reversed(*rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto order = step.ints_or("perm", reversed);
  const auto found = std::find(order.begin(), order.end(), static_cast<std::int64_t>(cut->axis));
  if (found == order.end()) return false;
  const axis_cut source = *cut;
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], source);
  to.add(std::move(mine), {axis_cut{static_cast<std::size_t>(found - order.begin()), source.bounds}});
  return true;
}

bool reshape(slice_builder& to, const node& step) {
  const axis_cut* cut = first_cut(to, step);
  const bool to_shape = is_onnx(step, "Reshape");
  const bool known = to_shape || is_onnx(step, "Flatten") || is_onnx(step, "Squeeze") || is_onnx(step, "Unsqueeze");
  if (!cut || !known || step.outputs.size() != 1) return false;
  const auto moved = to.facts().reshaped(step.inputs[0], step.outputs[0], cut->axis);
  const auto result = moved ? cut->scaled(moved->axis, moved->factor, moved->divisor) : std::nullopt;
  if (!result) return false;
  const auto extents = to_shape ? sliced_shape(to, step, *result) : std::nullopt;
  if (to_shape && !extents) return false;
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], axis_cut(*cut));
  for (std::size_t i = 1; i < mine.inputs.size() && !to_shape; ++i) mine.inputs[i] = to.whole(step.inputs[i]);
  if (to_shape) {
    const auto shape_of_slice = tensor::from<std::int64_t>({static_cast<std::int64_t>(extents->size())}, *extents);
    if (!shape_of_slice) return false;
    mine.inputs[1] = to.constant_of(to.model().values[step.outputs[0]].name, *shape_of_slice);
  }
  to.add(std::move(mine), {result});
  return true;
}

bool concat(slice_builder& to, const node& step) {
  if (!is_onnx(step, "Concat") || step.outputs.size() != 1) return false;
  const auto found =
      std::find_if(step.inputs.begin(), step.inputs.end(), [&](value_id id) { return to.cut_of(id) != nullptr; });
  const auto rank = to.facts().rank(step.outputs[0]);
  if (found == step.inputs.end() || !rank) return false;
  const axis_cut cut = *to.cut_of(*found);
  const auto axis = normalize_axis(step.int_or("axis", 0), *rank);
  if (!axis || *axis == cut.axis) return false;
  node mine = step;
  for (std::size_t i = 0; i < mine.inputs.size(); ++i) mine.inputs[i] = to.piece(step.inputs[i], cut);
  to.add(std::move(mine), {cut});
  return true;
}

bool select(slice_builder& to, const node& step) {
  const axis_cut* present = first_cut(to, step);
  const bool gathers = is_onnx(step, "Gather"), splits = is_onnx(step, "Split"), slices = is_onnx(step, "Slice");
  const auto rank = present ? to.facts().rank(step.inputs[0]) : std::nullopt;
  if (!rank || (!gathers && !splits && !slices)) return false;
  axis_cut cut = *present;
  const axis_cut source = cut;
  if (slices) {
    const tensor* axes = step.inputs.size() > 3 ? to.constant(step.inputs[3]) : nullptr;
    if (!axes || axes->type() != dtype::i64) return false;
    for (const std::int64_t given : axes->as<std::int64_t>()) {
      const auto axis = normalize_axis(given, *rank);
      if (!axis || *axis == cut.axis) return false;
    }
  } else {
    const auto axis = normalize_axis(step.int_or("axis", 0), *rank);
    if (!axis || *axis == cut.axis) return false;
    const auto indices = gathers ? to.facts().rank(step.inputs[1]) : std::optional<std::size_t>(1);
    if (!indices) return false;
    if (cut.axis > *axis) cut.axis += *indices - 1;
  }
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], source);
  for (std::size_t i = 1; i < mine.inputs.size(); ++i) mine.inputs[i] = to.whole(step.inputs[i]);
  to.add(std::move(mine), std::vector<std::optional<axis_cut>>(step.outputs.size(), cut));
  return true;
}

bool reduction(slice_builder& to, const node& step) {
  const axis_cut* present = first_cut(to, step);
  if (!present || !step.op.starts_with("Reduce") || !is_onnx(step, step.op)) return false;
  const auto rank = to.facts().rank(step.inputs[0]);
  std::vector<std::int64_t> axes = step.ints_or("axes", {});
  if (step.inputs.size() > 1 && step.inputs[1] != no_value) {
    const tensor* given = to.constant(step.inputs[1]);
    if (!given || given->type() != dtype::i64) return false;
    axes.assign(given->as<std::int64_t>().begin(), given->as<std::int64_t>().end());
  }
  if (!rank || axes.empty()) return false;
  axis_cut cut = *present;
  const axis_cut source = cut;
  for (const std::int64_t given : axes) {
    const auto axis = normalize_axis(given, *rank);
    if (!axis || *axis == source.axis) return false;
    if (step.int_or("keepdims", 1) == 0 && *axis < source.axis) --cut.axis;
  }
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], source);
  for (std::size_t i = 1; i < mine.inputs.size(); ++i) mine.inputs[i] = to.whole(step.inputs[i]);
  to.add(std::move(mine), {cut});
  return true;
}

}  // namespace troupe::slice_rules
