// MaxUnpool: the maxima of a MaxPool go back to where it found them; everything else is 0.
#include "kernels/max_unpool.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "kernels/sliding_window.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> max_unpool_reference(reference_context&);

result<shape> unpooled_shape(const node& step, const shape& pooled) {
  if (pooled.rank() < 3)
    return fail(errc::invalid_argument, "the operand {} of {} lacks axes; it must be [N, C, spatial...]",
                pooled.to_string(), step.describe());
  const std::size_t axes = pooled.rank() - 2;
  TROUPE_TRY(const auto kernel, list_attribute(step, "kernel_shape", {}));
  TROUPE_TRY(const auto strides, list_attribute(step, "strides", std::vector<std::int64_t>(axes, 1)));
  TROUPE_TRY(const auto pads, list_attribute(step, "pads", std::vector<std::int64_t>(2 * axes, 0)));
  if (kernel.size() != axes || strides.size() != axes || pads.size() != 2 * axes)
    return fail(errc::invalid_argument, "{} has {} kernel extents, {} strides and {} pads for {} axes", step.describe(),
                kernel.size(), strides.size(), pads.size(), axes);
  constexpr std::int64_t most = std::int64_t{1} << 31;
  const auto is_small = [](std::int64_t x) { return x >= 0 && x < most; };
  for (const auto* list : {&kernel, &strides, &pads})
    if (!std::all_of(list->begin(), list->end(), is_small))
      return fail(errc::invalid_argument, "{} has a kernel, stride or pad that is negative or not below 2^31",
                  step.describe());
  std::vector<std::int64_t> extents(pooled.begin(), pooled.end());
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::int64_t pooled_extent = pooled[axis + 2];
    if (pooled_extent >= most)
      return fail(errc::unsupported, "{} unpools an axis of {} elements", step.describe(), pooled_extent);
    extents[axis + 2] = (pooled_extent - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[axis + axes];
  }
  return shape::make(extents);
}

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 3));
  TROUPE_CHECK(expect_indices(context, 1));
  const shape& pooled = context.input_dims(0);
  if (context.input_dims(1) != pooled)
    return fail(errc::invalid_argument, "the indices {} of {} do not fit its operand {}",
                context.input_dims(1).to_string(), step.describe(), pooled.to_string());
  TROUPE_TRY(shape dims, unpooled_shape(step, pooled));
  if (context.has_input(2)) {
    TROUPE_TRY(const auto wanted, context.input_ints(2, "the shape"));
    TROUPE_TRY(const shape larger, shape::make(wanted));
    bool fits = larger.rank() == dims.rank();
    for (std::size_t axis = 0; fits && axis < dims.rank(); ++axis) fits = larger[axis] >= dims[axis];
    if (!fits)
      return fail(errc::invalid_argument, "{} unpools to {}, which does not fit into {}", step.describe(),
                  dims.to_string(), larger.to_string());
    dims = larger;
  }
  context.set_output(0, context.input_type(0), dims);
  return {};
}

}  // namespace

operator_definition max_unpool_operator() {
  return {
      .name = "MaxUnpool", .since_version = 9, .host_inputs = {2}, .infer = infer, .reference = max_unpool_reference};
}

}  // namespace troupe
