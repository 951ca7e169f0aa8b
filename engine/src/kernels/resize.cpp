// Resize and Upsample: one pass for each axis that changes; what lies between two passes is fp32.
#include "kernels/resize.hpp"

#include <cmath>
#include <limits>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> resize_reference(reference_context&);

namespace {

/// Taps of one result; Mesa 22.3 ends an invocation's loops after 65,535 rounds.
constexpr std::int64_t taps_max = 7000;  // of eight results, each visited once

struct parameters {
  std::uint32_t count, inner, input, output;
  float shift, factor, divisor, offset, filter_scale;
  std::int32_t first_tap;
  float cubic_coefficient, extrapolation;
};

result<void> infer(infer_context& context) {
  const bool is_upsample = context.step().op == "Upsample";
  const std::size_t most = is_upsample || context.step().version < 11 ? 2 : 4;
  TROUPE_CHECK(context.expect_inputs(1, most));
  TROUPE_TRY(const resize_plan plan, read_resize(node_view(context)));
  const dtype type = context.input_type(0);
  if (plan.mode != resize_mode::nearest && !is_float(type))
    return fail(errc::unsupported, "{} interpolates {}; Troupe does so for floating-point types",
                context.step().describe(), to_string(type));
  for (const axis_resize& axis : plan.axes)
    if (!std::isfinite(axis.factor) || !std::isfinite(axis.divisor) || axis.divisor == 0 ||
        !std::isfinite(axis.offset) || !(axis.filter_scale > 0) || axis.input >= (std::int64_t{1} << 30))
      return fail(errc::invalid_argument, "{} maps axis {} of {} elements to {} in a way that has no numbers",
                  context.step().describe(), axis.axis, axis.input, axis.output);
  context.set_output(0, type, plan.output);
  return {};
}

/// True when each element is repeated a whole number of times along every axis, in order. A strided copy does that.
bool repeats_elements(const resize_plan& plan) {
  if (plan.mode != resize_mode::nearest || plan.extrapolates) return false;
  for (const axis_resize& axis : plan.axes) {
    if (axis.output % axis.input != 0 || axis.factor != 1) return false;
    if (axis.divisor != static_cast<float>(axis.output / axis.input)) return false;
    const bool from_corner = axis.shift == 0 && axis.offset == 0 && plan.rounding == nearest_rounding::floor;
    const bool from_center = axis.shift == 0.5f && axis.offset == -0.5f && plan.rounding != nearest_rounding::floor &&
                             plan.rounding != nearest_rounding::ceil;
    if (!from_corner && !from_center) return false;
  }
  return true;
}

/// The walk of such a copy, or nothing when it has too many axes.
std::optional<strided_walk> repetition(const resize_plan& plan, const shape& dims) {
  std::vector<std::int64_t> extents;
  strided_walk walk;
  const auto strides = dims.strides();
  for (std::size_t axis = 0; axis < dims.rank(); ++axis) {
    const std::int64_t times = plan.output[axis] / dims[axis];
    if (extents.size() + (times > 1 ? 2 : 1) > limits::rank_max) return std::nullopt;
    walk.first.strides[extents.size()] = strides[axis];
    extents.push_back(dims[axis]);
    if (times > 1) extents.push_back(times);
  }
  auto made = shape::make(extents);
  if (!made) return std::nullopt;
  walk.extents = *made;
  walk.second.strides = walk.extents.strides();
  return walk;
}

result<void> lower(lowering_context& context) {
  const shape& dims = context.input_dims(0);
  TROUPE_TRY(const resize_plan plan, read_resize(node_view(context)));
  TROUPE_CHECK(shader_count(context.step(), dims));
  TROUPE_CHECK(shader_count(context.step(), plan.output));
  if (plan.output.elements() == 0) return {};
  if (plan.axes.empty()) {
    context.alias(0, 0);
    return {};
  }
  if (repeats_elements(plan))
    if (const auto walk = repetition(plan, dims)) return add_copy(context, context.read(0), context.write(0), *walk);

  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  dispatch_operand source = context.read(0);
  for (std::size_t i = 0; i < plan.axes.size(); ++i) {
    const axis_resize& axis = plan.axes[i];
    const bool last = i + 1 == plan.axes.size();
    extents[axis.axis] = axis.output;
    TROUPE_TRY(const shape made, shape::make(extents));
    TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), made));
    const std::int64_t first = first_tap(plan, axis);
    if (2 - 2 * first > taps_max)
      return fail(errc::unsupported, "{} joins {} elements along axis {}; at most {} are supported on a device",
                  context.step().describe(), 2 - 2 * first, axis.axis, taps_max);
    dispatch_operand target = context.write(0);
    if (!last) target = {context.scratch(made.elements() * (context.storage() == dtype::f16 ? 2 : 1)), true};
    const std::int64_t inner = made.elements(axis.axis + 1, made.rank());
    context.add({.shader = "resample",
                 .operands = {source, target},
                 .push_constants = push_bytes(parameters{count, as_u32(inner), as_u32(axis.input), as_u32(axis.output),
                                                         axis.shift, axis.factor, axis.divisor, axis.offset,
                                                         axis.filter_scale, static_cast<std::int32_t>(first),
                                                         plan.cubic_coefficient, plan.extrapolation}),
                 .specialization = {static_cast<std::uint32_t>(plan.mode), static_cast<std::uint32_t>(plan.rounding),
                                    plan.excludes_outside, plan.extrapolates, i > 0, !last},
                 .groups = groups_for((std::int64_t{count} + 7) / 8, 64, context.traits())});
    source = {target.slot, false};
  }
  return {};
}

}  // namespace

operator_definition resize_operator() {
  return {.name = "Resize",
          .since_version = 10,
          .host_inputs = {1, 2, 3},
          .infer = infer,
          .reference = resize_reference,
          .lower = lower};
}

operator_definition upsample_operator() {
  return {.name = "Upsample",
          .since_version = 7,
          .until_version = 9,
          .host_inputs = {1},
          .infer = infer,
          .reference = resize_reference,
          .lower = lower};
}

}  // namespace troupe
