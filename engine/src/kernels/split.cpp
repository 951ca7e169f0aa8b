// Split: one strided copy for each part.
#include "kernels/split.hpp"

#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> split_reference(reference_context&);

result<split_plan> read_split(const node_view& view) {
  const node& step = view.step();
  const shape& given = view.dims(0);
  split_plan plan;
  TROUPE_TRY(plan.axis, normalize_axis(step.int_or("axis", 0), given.rank()));
  const std::int64_t extent = given[plan.axis];
  const std::size_t parts = step.outputs.size();
  const std::int64_t wanted = step.int_or("num_outputs", static_cast<std::int64_t>(parts));
  if (parts == 0 || wanted != static_cast<std::int64_t>(parts))
    return fail(errc::invalid_argument, "{} has {} outputs and asks for {}", step.describe(), parts, wanted);
  TROUPE_TRY(const auto listed, view.ints("split", 1));
  if (listed) {
    std::int64_t left = extent;
    bool valid = listed->size() == parts;
    for (const std::int64_t part : *listed) {
      valid = valid && part >= 0 && part <= left;
      if (!valid) break;
      left -= part;
    }
    if (!valid || left != 0)
      return fail(errc::invalid_argument, "{} cannot split extent {} of its operand {} into [{}] for {} outputs",
                  step.describe(), extent, given.to_string(), fmt::join(*listed, ","), parts);
    plan.extents = *listed;
    return plan;
  }
  // Even parts; from opset 18 on the last one may be smaller.
  const std::int64_t even = (extent + wanted - 1) / wanted;
  const std::int64_t last = extent - even * (wanted - 1);
  if (last < 0 || (last != even && !step.has("num_outputs")))
    return fail(errc::invalid_argument, "{} cannot split extent {} of its operand {} into {} even parts",
                step.describe(), extent, given.to_string(), parts);
  plan.extents.assign(parts, even);
  plan.extents.back() = last;
  return plan;
}

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 2));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const split_plan plan, read_split(node_view(context)));
  std::vector<std::int64_t> extents(given.begin(), given.end());
  for (std::size_t i = 0; i < plan.extents.size(); ++i) {
    extents[plan.axis] = plan.extents[i];
    TROUPE_TRY(const shape dims, shape::make(extents));
    context.set_output(i, context.input_type(0), dims);
  }
  return {};
}

result<void> lower(lowering_context& context) {
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const split_plan plan, read_split(node_view(context)));
  TROUPE_CHECK(shader_count(context.step(), given));
  const auto strides = given.strides();
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < plan.extents.size(); ++i) {
    if (context.step().outputs[i] != no_value) {
      const shape& part = context.output_dims(i);
      TROUPE_CHECK(add_copy(context, context.read(0), context.write(i),
                            {.extents = part,
                             .first = {.base = offset * strides[plan.axis], .strides = strides},
                             .second = {.base = 0, .strides = part.strides()}}));
    }
    offset += plan.extents[i];
  }
  return {};
}

}  // namespace

operator_definition split_operator() {
  return {.name = "Split",
          .since_version = 2,
          .host_inputs = {1},
          .infer = infer,
          .reference = split_reference,
          .lower = lower};
}

}  // namespace troupe
