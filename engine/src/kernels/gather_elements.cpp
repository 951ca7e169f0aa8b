// GatherElements and GatherND: single elements, or blocks of them, chosen by a tensor of indices. As in Gather, a
// device clamps indices that only the run knows.
#include "kernels/gather_elements.hpp"

#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> gather_elements_reference(reference_context&);
result<void> gather_nd_reference(reference_context&);

result<gather_nd_plan> read_gather_nd(const node& step, const shape& data, const shape& indices) {
  const auto refuse = [&](std::string_view why) -> error {
    return fail(errc::invalid_argument, "{} gathers from a tensor {} by indices {}, but {}", step.describe(),
                data.to_string(), indices.to_string(), why);
  };
  gather_nd_plan plan;
  const std::int64_t batch = step.int_or("batch_dims", 0);
  if (data.rank() == 0 || indices.rank() == 0) return refuse("both need an axis");
  if (batch < 0 || batch >= static_cast<std::int64_t>(std::min(data.rank(), indices.rank())))
    return refuse("batch_dims is out of range");
  plan.batch_axes = static_cast<std::size_t>(batch);
  for (std::size_t axis = 0; axis < plan.batch_axes; ++axis)
    if (data[axis] != indices[axis]) return refuse("their batches differ");
  const std::int64_t depth = indices[indices.rank() - 1];
  if (depth < 1 || depth > static_cast<std::int64_t>(data.rank() - plan.batch_axes))
    return refuse("an index has no coordinate, or more than there are axes");
  plan.depth = static_cast<std::size_t>(depth);
  const std::size_t first_inner = plan.batch_axes + plan.depth;
  std::vector<std::int64_t> extents(indices.begin(), indices.end() - 1);
  extents.insert(extents.end(), data.begin() + first_inner, data.end());
  TROUPE_TRY(plan.output, shape::make(extents));
  plan.batches = data.elements(0, plan.batch_axes);
  plan.rows = indices.elements(plan.batch_axes, indices.rank() - 1);
  plan.inner = data.elements(first_inner, data.rank());
  plan.batch_stride = data.elements(plan.batch_axes, data.rank());
  if (data.elements() == 0 && plan.output.elements() > 0) return refuse("there is nothing to choose from");
  return plan;
}

namespace {

/// Push constants of gather_elements.comp.
struct element_parameters {
  std::uint32_t count, rank, extent, stride;
  std::array<std::uint32_t, limits::rank_max> extents, strides;
};

/// Push constants of gather_nd.comp.
struct nd_parameters {
  std::uint32_t count, inner, rows, batch_stride, depth;
  std::array<std::uint32_t, limits::rank_max> extents, strides;
};

result<void> infer_gather_elements(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_CHECK(expect_indices(context, 1));
  const shape& data = context.input_dims(0);
  const shape& indices = context.input_dims(1);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), data.rank()));
  bool fits = indices.rank() == data.rank();
  for (std::size_t i = 0; fits && i < data.rank(); ++i) fits = i == axis || indices[i] <= data[i];
  if (!fits || (data[axis] == 0 && indices.elements() > 0))
    return fail(errc::invalid_argument, "the indices {} of {} do not fit its operand {}", indices.to_string(),
                step.describe(), data.to_string());
  TROUPE_CHECK(check_known_indices(context, 1, data[axis]));
  context.set_output(0, context.input_type(0), indices);
  return {};
}

result<void> lower_gather_elements(lowering_context& context) {
  const shape& data = context.input_dims(0);
  const shape& indices = context.input_dims(1);
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.rank()));
  TROUPE_CHECK(shader_count(context.step(), data));
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), indices));
  const auto steps = data.strides();
  element_parameters block{
      count, as_u32(static_cast<std::int64_t>(data.rank())), as_u32(data[axis]), as_u32(steps[axis]), {}, {}};
  for (std::size_t i = 0; i < data.rank(); ++i) {
    block.extents[i] = as_u32(indices[i]);
    block.strides[i] = i == axis ? 0 : as_u32(steps[i]);
  }
  context.add({.shader = "gather_elements",
               .operands = {context.read(0), context.read(1), context.write(0)},
               .push_constants = push_bytes(block),
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

result<void> infer_gather_nd(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_CHECK(expect_indices(context, 1));
  const shape& data = context.input_dims(0);
  TROUPE_TRY(const gather_nd_plan plan, read_gather_nd(context.step(), data, context.input_dims(1)));
  if (context.input_value(1)) {
    TROUPE_TRY(const auto indices, context.input_ints(1, "the indices"));
    for (std::size_t i = 0; i < indices.size(); ++i)
      TROUPE_CHECK(normalize_index(context.step(), indices[i], data[plan.batch_axes + i % plan.depth]));
  }
  context.set_output(0, context.input_type(0), plan.output);
  return {};
}

result<void> lower_gather_nd(lowering_context& context) {
  const shape& data = context.input_dims(0);
  TROUPE_TRY(const gather_nd_plan plan, read_gather_nd(context.step(), data, context.input_dims(1)));
  TROUPE_CHECK(shader_count(context.step(), data));
  TROUPE_CHECK(shader_count(context.step(), context.input_dims(1)));
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), plan.output));
  const auto steps = data.strides();
  nd_parameters block{count,
                      as_u32(plan.inner),
                      as_u32(plan.rows),
                      as_u32(plan.batch_stride),
                      as_u32(static_cast<std::int64_t>(plan.depth)),
                      {},
                      {}};
  for (std::size_t i = 0; i < plan.depth; ++i) {
    block.extents[i] = as_u32(data[plan.batch_axes + i]);
    block.strides[i] = as_u32(steps[plan.batch_axes + i]);
  }
  context.add({.shader = "gather_nd",
               .operands = {context.read(0), context.read(1), context.write(0)},
               .push_constants = push_bytes(block),
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition gather_elements_operator() {
  return {.name = "GatherElements",
          .since_version = 11,
          .index_inputs = {1},
          .infer = infer_gather_elements,
          .reference = gather_elements_reference,
          .lower = lower_gather_elements};
}

operator_definition gather_nd_operator() {
  return {.name = "GatherND",
          .since_version = 11,
          .index_inputs = {1},
          .infer = infer_gather_nd,
          .reference = gather_nd_reference,
          .lower = lower_gather_nd};
}

}  // namespace troupe
