// Reshape, Flatten, Squeeze, Unsqueeze, Identity and Dropout: the same elements in the same order under another shape,
// which costs no work at all.
#include <algorithm>

#include "kernels/axes.hpp"
#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> reshape_reference(reference_context&);
result<void> dropout_reference(reference_context&);

namespace {

result<void> infer_reshape(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(auto wanted, node_view(context).ints("shape", 1));
  const shape& given = context.input_dims(0);
  const bool zero_is_zero = step.int_or("allowzero", 0) != 0;
  auto& extents = *wanted;
  std::optional<std::size_t> unknown;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] == 0 && !zero_is_zero) {
      if (axis >= given.rank())
        return fail(errc::invalid_argument, "{} copies extent {} of its operand {}, which has none", step.describe(),
                    axis, given.to_string());
      extents[axis] = given[axis];
    } else if (extents[axis] == -1) {
      if (unknown)
        return fail(errc::invalid_argument, "the shape [{}] of {} holds -1 more than once", fmt::join(extents, ","),
                    step.describe());
      unknown = axis;
    }
  }
  if (unknown) {
    extents[*unknown] = 1;
    TROUPE_TRY(const shape known, shape::make(extents));
    const std::int64_t rest = known.elements();
    if (rest == 0 || given.elements() % rest != 0)
      return fail(errc::invalid_argument,
                  "{} cannot divide the {} elements of its operand {} by the known extents of {}", step.describe(),
                  given.elements(), given.to_string(), known.to_string());
    extents[*unknown] = given.elements() / rest;
  }
  TROUPE_TRY(const shape dims, shape::make(extents));
  if (dims.elements() != given.elements())
    return fail(errc::invalid_argument, "{} cannot give its operand {} the shape {}", step.describe(),
                given.to_string(), dims.to_string());
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_flatten(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const shape& given = context.input_dims(0);
  const auto rank = static_cast<std::int64_t>(given.rank());
  const std::int64_t axis = context.step().int_or("axis", 1);
  if (axis < -rank || axis > rank)  // unlike other axes, this one may be the rank itself
    return fail(errc::invalid_argument, "the axis {} of {} is outside [-{}, {}]", axis, context.step().describe(), rank,
                rank);
  const auto cut = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  const std::int64_t extents[] = {given.elements(0, cut), given.elements(cut, given.rank())};
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_squeeze(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 2));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const auto listed, node_view(context).ints("axes", 1));
  std::vector<bool> drop(given.rank());
  for (std::size_t axis = 0; axis < given.rank(); ++axis) drop[axis] = !listed && given[axis] == 1;
  if (listed) {
    TROUPE_TRY(const auto axes, normalize_axes(step, *listed, given.rank()));
    for (const std::size_t axis : axes) {
      if (given[axis] != 1)
        return fail(errc::invalid_argument, "{} cannot remove axis {} of its operand {}", step.describe(), axis,
                    given.to_string());
      drop[axis] = true;
    }
  }
  std::vector<std::int64_t> extents;
  for (std::size_t axis = 0; axis < given.rank(); ++axis)
    if (!drop[axis]) extents.push_back(given[axis]);
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_unsqueeze(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 2));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const auto listed, node_view(context).ints("axes", 1));
  if (!listed) return fail(errc::invalid_argument, "{} lacks its axes", step.describe());
  const std::size_t rank = given.rank() + listed->size();
  if (rank > limits::rank_max)
    return fail(errc::unsupported, "{} makes a tensor of rank {}; at most {} are supported", step.describe(), rank,
                limits::rank_max);
  TROUPE_TRY(const auto axes, normalize_axes(step, *listed, rank));
  std::vector<std::int64_t> extents(rank, -1);
  for (const std::size_t axis : axes) extents[axis] = 1;
  auto next = given.begin();
  for (std::int64_t& extent : extents)
    if (extent < 0) extent = *next++;
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_identity(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> infer_dropout(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 3));
  TROUPE_TRY(const double training, node_view(context).number_or(2, 0));
  if (training != 0)
    return fail(errc::unsupported, "{} is in training mode; export the model for inference", context.step().describe());
  context.set_output(0, context.input_type(0), context.input_dims(0));
  context.set_output(1, dtype::boolean, context.input_dims(0));
  return {};
}

/// A boolean output is never lowered, so a Dropout whose mask somebody reads runs on the host.
result<void> lower(lowering_context& context) {
  context.alias(0, 0);
  return {};
}

operator_definition relabelling(std::string_view op, int since_version, result<void> (*infer)(infer_context&)) {
  return {.name = op, .since_version = since_version, .infer = infer, .reference = reshape_reference, .lower = lower};
}

}  // namespace

operator_definition reshape_operator() {
  auto definition = relabelling("Reshape", 5, infer_reshape);
  definition.host_inputs = {1};
  return definition;
}
operator_definition flatten_operator() {
  return relabelling("Flatten", 1, infer_flatten);
}
operator_definition squeeze_operator() {
  auto definition = relabelling("Squeeze", 1, infer_squeeze);
  definition.host_inputs = {1};
  return definition;
}
operator_definition unsqueeze_operator() {
  auto definition = relabelling("Unsqueeze", 1, infer_unsqueeze);
  definition.host_inputs = {1};
  return definition;
}
operator_definition identity_operator() {
  return relabelling("Identity", 1, infer_identity);
}
operator_definition dropout_operator() {
  auto definition = relabelling("Dropout", 7, infer_dropout);
  definition.host_inputs = {1, 2};
  definition.reference = dropout_reference;
  return definition;
}

}  // namespace troupe
