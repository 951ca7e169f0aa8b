// Slice: one strided copy.
#include "kernels/slice.hpp"

#include <algorithm>

#include "kernels/axes.hpp"
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> slice_reference(reference_context&);

namespace {

/// Where a slice of an axis begins, how it goes on and how many elements it has.
struct axis_slice {
  std::int64_t start = 0, step = 1, count = 0;
};

/// ONNX's rules: a negative position counts from the end, and what is outside is clamped, so that INT64_MIN and
/// INT64_MAX mean "as far as possible". Nothing overflows: positions and steps are clamped before they are combined.
axis_slice clamp_slice(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (extent == 0) return {};
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  step = std::clamp(step, -limits::elements_max, limits::elements_max);
  axis_slice slice{.start = 0, .step = step, .count = 0};
  if (step > 0) {
    slice.start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
    if (end > slice.start) slice.count = (end - slice.start - 1) / step + 1;
  } else {
    slice.start = std::clamp<std::int64_t>(start, 0, extent - 1);
    end = std::clamp<std::int64_t>(end, -1, extent - 1);
    if (end < slice.start) slice.count = (slice.start - end - 1) / -step + 1;
  }
  if (slice.count < 2) slice.step = 1;
  if (slice.count == 0) slice.start = 0;
  return slice;
}

}  // namespace

result<slice_plan> read_slice(const node_view& view) {
  const node& step = view.step();
  const shape& given = view.dims(0);
  TROUPE_TRY(const auto starts, view.ints("starts", 1));
  TROUPE_TRY(const auto ends, view.ints("ends", 2));
  TROUPE_TRY(const auto listed, view.ints("axes", 3));
  TROUPE_TRY(const auto steps, view.ints("steps", 4));
  if (!starts || !ends) return fail(errc::invalid_argument, "{} lacks its starts or its ends", step.describe());
  const std::size_t count = starts->size();
  const bool agree =
      ends->size() == count && (!listed || listed->size() == count) && (!steps || steps->size() == count);
  if (!agree || (!listed && count > given.rank()))
    return fail(errc::invalid_argument,
                "{} has {} starts, {} ends, {} axes and {} steps for an operand {}; as many of each are needed",
                step.describe(), count, ends->size(), listed ? listed->size() : count, steps ? steps->size() : count,
                given.to_string());

  std::vector<std::int64_t> first_axes(count);
  for (std::size_t i = 0; i < count; ++i) first_axes[i] = static_cast<std::int64_t>(i);
  TROUPE_TRY(const auto axes, normalize_axes(step, listed ? *listed : first_axes, given.rank()));

  slice_plan plan{std::vector<std::int64_t>(given.rank(), 0), std::vector<std::int64_t>(given.rank(), 1), {}};
  std::vector<std::int64_t> extents(given.begin(), given.end());
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t stride = steps ? (*steps)[i] : 1;
    if (stride == 0) return fail(errc::invalid_argument, "step {} of {} is 0", i, step.describe());
    const axis_slice slice = clamp_slice((*starts)[i], (*ends)[i], stride, given[axes[i]]);
    plan.starts[axes[i]] = slice.start;
    plan.steps[axes[i]] = slice.step;
    extents[axes[i]] = slice.count;
  }
  TROUPE_TRY(plan.dims, shape::make(extents));
  return plan;
}

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 5));
  TROUPE_TRY(const slice_plan plan, read_slice(node_view(context)));
  context.set_output(0, context.input_type(0), plan.dims);
  return {};
}

result<void> lower(lowering_context& context) {
  const shape& given = context.input_dims(0);
  if (context.output_dims(0) == given) {
    TROUPE_TRY(const slice_plan plan, read_slice(node_view(context)));
    if (std::all_of(plan.steps.begin(), plan.steps.end(), [](std::int64_t step) { return step == 1; })) {
      context.alias(0, 0);
      return {};
    }
  }
  TROUPE_CHECK(shader_count(context.step(), given));
  TROUPE_TRY(const slice_plan plan, read_slice(node_view(context)));
  const auto strides = given.strides();
  strided_walk walk{.extents = plan.dims, .first = {}, .second = {.base = 0, .strides = plan.dims.strides()}};
  for (std::size_t axis = 0; axis < given.rank(); ++axis) {
    walk.first.base += plan.starts[axis] * strides[axis];
    walk.first.strides[axis] = plan.steps[axis] * strides[axis];
  }
  return add_copy(context, context.read(0), context.write(0), walk);
}

}  // namespace

operator_definition slice_operator() {
  return {.name = "Slice", .host_inputs = {1, 2, 3, 4}, .infer = infer, .reference = slice_reference, .lower = lower};
}

}  // namespace troupe
