#include "kernels/group_normalization.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/row_normalization.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> group_normalization_reference(reference_context&);

result<group_normalization> group_normalization_of(const node& step, const shape& dims) {
  if (dims.rank() < 2)
    return fail(errc::invalid_argument, "the operand {} of {} has no channels; it must be [N, C, ...]",
                dims.to_string(), step.describe());
  group_normalization made{.images = dims[0],
                           .channels = dims[1],
                           .positions = dims.elements(2, dims.rank()),
                           .groups = dims[1],
                           .scale_of_group = false};
  if (step.op == "InstanceNormalization") return made;
  made.groups = step.int_or("num_groups", 0);
  if (made.groups < 1 || made.channels % made.groups != 0)
    return fail(errc::invalid_argument, "num_groups of {} is {} or missing; a divisor of the {} channels is needed",
                step.describe(), made.groups, made.channels);
  made.scale_of_group = step.version < 21;
  return made;
}

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(3, 3));
  TROUPE_CHECK(expect_same_float(context, 3));
  const shape& dims = context.input_dims(0);
  TROUPE_TRY(const auto plan, group_normalization_of(context.step(), dims));
  const shape needed{plan.scale_of_group ? plan.groups : plan.channels};
  for (std::size_t i = 1; i < 3; ++i)
    if (context.input_dims(i) != needed)
      return fail(errc::invalid_argument, "operand {} of {} is {}; {} is needed for the input {}", i,
                  context.step().describe(), context.input_dims(i).to_string(), needed.to_string(), dims.to_string());
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const auto plan, group_normalization_of(context.step(), context.input_dims(0)));
  const std::int64_t group_channels = plan.channels / plan.groups;
  const std::int64_t length = group_channels * plan.positions;
  const auto pattern = [&](std::size_t i) {
    if (plan.scale_of_group) return row_pattern{context.read(i), 1, length, plan.groups};
    return row_pattern{context.read(i), group_channels, plan.positions, plan.channels};
  };
  return add_row_normalization(context, {.source = context.read(0),
                                         .target = context.write(0),
                                         .rows = plan.images * plan.groups,
                                         .length = length,
                                         .centered = true,
                                         .epsilon = context.step().float_or("epsilon", 1e-5f),
                                         .scale = pattern(1),
                                         .offset = pattern(2),
                                         .means = {},
                                         .factors = {}});
}

operator_definition channels(std::string_view op, int since_version) {
  return {.name = op,
          .since_version = since_version,
          .infer = infer,
          .reference = group_normalization_reference,
          .lower = lower};
}

}  // namespace

operator_definition group_normalization_operator() {
  return channels("GroupNormalization", 18);
}

operator_definition instance_normalization_operator() {
  return channels("InstanceNormalization", 6);
}

}  // namespace troupe
