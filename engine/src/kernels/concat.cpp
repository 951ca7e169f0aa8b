// Concat: one strided copy for each part.
#include "kernels/channel_blocks.hpp"
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> concat_reference(reference_context&);

namespace {

constexpr std::size_t operands_max = 65536;

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(std::max<std::size_t>(context.input_count(), 1), operands_max));
  const shape& head = context.input_dims(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), head.rank()));
  std::vector<std::int64_t> extents(head.begin(), head.end());
  extents[axis] = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const shape& part = context.input_dims(i);
    bool fits = part.rank() == head.rank() && context.input_type(i) == context.input_type(0);
    for (std::size_t k = 0; fits && k < head.rank(); ++k) fits = k == axis || part[k] == head[k];
    if (!fits)
      return fail(errc::invalid_argument, "{} cannot join {}{} to {}{} along axis {}", step.describe(),
                  to_string(context.input_type(i)), part.to_string(), to_string(context.input_type(0)),
                  head.to_string(), axis);
    extents[axis] += part[axis];
  }
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

/// Blocks are joined as they are; only the last part may leave its last block unfilled.
layout_offer layouts(const lowering_context& context) {
  const shape& dims = context.output_dims(0);
  if (!has_blocks(dims) || dims.rank() >= limits::rank_max || context.input_count() < 2) return {};
  const auto axis = normalize_axis(context.step().int_or("axis", 0), dims.rank());
  if (!axis) return {};
  for (std::size_t i = 0; *axis == 1 && i + 1 < context.input_count(); ++i)
    if (context.input_dims(i)[1] % 8 != 0) return {};
  return {
      .when = layout_offer::mode::follow, .inputs = std::vector<bool>(context.input_count(), true), .outputs = {true}};
}

result<void> lower(lowering_context& context) {
  const bool in_blocks = context.output_layout(0) == memory_layout::blocks;
  const shape dims = in_blocks ? blocks_view(context.output_dims(0)) : context.output_dims(0);
  if (context.input_count() == 1) {
    context.alias(0, 0);
    return {};
  }
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), context.output_dims(0).rank()));
  TROUPE_CHECK(shader_count(context.step(), dims));
  const auto strides = dims.strides();
  const bool contiguous = dims.elements(0, axis) == 1;  // each part is one run of the result
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const shape part = in_blocks ? blocks_view(context.input_dims(i)) : context.input_dims(i);
    const strided_walk walk{.extents = part,
                            .first = {.base = 0, .strides = part.strides()},
                            .second = {.base = offset * strides[axis], .strides = strides}};
    if (contiguous && part.elements() > 0) {
      TROUPE_TRY(dispatch copy, copy_of(context, context.read(i), context.write(0), walk));
      context.add_copy_or_place(std::move(copy), 0, i, walk.second.base);
    } else {
      TROUPE_CHECK(add_copy(context, context.read(i), context.write(0), walk));
    }
    offset += part[axis];
  }
  return {};
}

}  // namespace

operator_definition concat_operator() {
  return {.name = "Concat",
          .since_version = 4,
          .infer = infer,
          .reference = concat_reference,
          .lower = lower,
          .layouts = layouts};
}

}  // namespace troupe
