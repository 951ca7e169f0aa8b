// Attention by heads, and products whose operands are both computed.
#include "graph/partition/tensor/slice_rules.hpp"
#include "kernels/activation.hpp"

namespace troupe::slice_rules {

bool attention(slice_builder& to, const node& step) {
  if (!is_onnx(step, "Attention") || step.outputs.size() != 1 || step.inputs.size() < 3 || step.inputs.size() > 4)
    return false;
  // Heads on an axis of their own: [image, head, position, element].
  for (std::size_t i = 0; i < 3; ++i)
    if (to.facts().rank(step.inputs[i]) != 4u) return false;
  const auto heads = to.facts().extent(step.inputs[0], 1), shared = to.facts().extent(step.inputs[1], 1);
  if (!heads || !shared || *shared < 1 || *heads % *shared != 0) return false;
  const std::int64_t together = *heads / *shared;  // queries that read the same keys
  const axis_cut* present = to.cut_of(step.inputs[0]);
  auto keys = present && present->axis == 1 ? present->scaled(1, 1, together) : std::nullopt;
  if (!keys) {
    const auto bounds = to.divide(*shared, 1);
    if (!bounds) return false;
    keys = axis_cut{1, *bounds};
  }
  const axis_cut queries = *keys->scaled(1, together);
  const value_id mask = step.inputs.size() > 3 ? step.inputs[3] : no_value;
  bool mask_by_heads = false;
  if (mask != no_value) {
    const auto rank = to.facts().rank(mask);
    if (!rank) return false;
    const auto extent = *rank < 3 ? std::optional<std::int64_t>(1) : to.facts().extent(mask, *rank - 3);
    if (extent != 1 && extent != *heads) return false;
    mask_by_heads = extent != 1;
  }
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], queries);
  mine.inputs[1] = to.piece(step.inputs[1], *keys);
  mine.inputs[2] = to.piece(step.inputs[2], *keys);
  if (mask != no_value)
    mine.inputs[3] = mask_by_heads ? to.piece(mask, {*to.facts().rank(mask) - 3, queries.bounds}) : to.whole(mask);
  to.add(std::move(mine), {queries});
  return true;
}

bool batched_product(slice_builder& to, const node& step) {
  if (!is_onnx(step, "MatMul") || step.inputs.size() != 2 || step.outputs.size() != 1) return false;
  const auto rank = to.facts().rank(step.outputs[0]);
  const axis_cut* present = to.cut_of(step.inputs[0]) ? to.cut_of(step.inputs[0]) : to.cut_of(step.inputs[1]);
  const value_id cut_operand = to.cut_of(step.inputs[0]) ? step.inputs[0] : step.inputs[1];
  const auto own = to.facts().rank(cut_operand);
  // Only batch axes: what is cut along the others has no part of any element of the result, or only some.
  if (!rank || !present || !own || *own < 3 || present->axis + 2 >= *own) return false;
  const axis_cut cut{present->axis + *rank - *own, present->bounds};
  node mine = step;
  std::vector<std::optional<axis_cut>> forms;
  for (const value_id id : step.inputs) {
    const auto operand_rank = to.facts().rank(id);
    if (!operand_rank) return false;
    if (*operand_rank < *rank - cut.axis) {
      forms.emplace_back();
      continue;
    }
    const std::size_t axis = *operand_rank - (*rank - cut.axis);
    const auto extent = to.facts().extent(id, axis);
    if (extent != 1 && extent != cut.whole()) return false;
    forms.push_back(extent == 1 ? std::nullopt : std::optional(axis_cut{axis, cut.bounds}));
  }
  for (std::size_t i = 0; i < 2; ++i)
    mine.inputs[i] = forms[i] ? to.piece(step.inputs[i], *forms[i]) : to.whole(step.inputs[i]);
  to.add(std::move(mine), {cut});
  return true;
}

}  // namespace troupe::slice_rules
