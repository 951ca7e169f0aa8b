#include "kernels/pad.hpp"

#include "kernels/axes.hpp"
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> pad_reference(reference_context&);

namespace {

result<pad_mode> read_mode(const node& step) {
  const std::string mode = step.string_or("mode", "constant");
  if (mode == "constant") return pad_mode::constant;
  if (mode == "reflect") return pad_mode::reflect;
  if (mode == "edge") return pad_mode::edge;
  if (mode == "wrap") return pad_mode::wrap;
  return fail(errc::unsupported, "{} asks for mode \"{}\"; constant, reflect, edge and wrap exist", step.describe(),
              mode);
}

}  // namespace

result<pad_plan> read_pad(const node_view& view) {
  const node& step = view.step();
  const shape& given = view.dims(0);
  pad_plan plan;
  TROUPE_TRY(plan.mode, read_mode(step));
  TROUPE_TRY(const auto pads, view.ints("pads", 1));
  if (!pads) return fail(errc::invalid_argument, "{} lacks its pads", step.describe());
  TROUPE_TRY(const auto listed, view.ints("axes", 3));
  std::vector<std::int64_t> all_axes(given.rank());
  for (std::size_t axis = 0; axis < given.rank(); ++axis) all_axes[axis] = static_cast<std::int64_t>(axis);
  TROUPE_TRY(const auto axes, normalize_axes(step, listed ? *listed : all_axes, given.rank()));
  if (pads->size() != 2 * axes.size())
    return fail(errc::invalid_argument, "{} has {} pads for {} axes; two for each are needed", step.describe(),
                pads->size(), axes.size());

  plan.before.assign(given.rank(), 0);
  std::vector<std::int64_t> extents(given.begin(), given.end());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = given[axes[i]];
    const std::int64_t before = (*pads)[i];
    const std::int64_t after = (*pads)[i + axes.size()];
    // Bounded one by one, so that their sum cannot overflow.
    const bool bounded = before >= -extent && after >= -extent && before <= limits::elements_max &&
                         after <= limits::elements_max && extent + before + after >= 0;
    if (!bounded)
      return fail(errc::invalid_argument, "{} cannot pad axis {} of its operand {} by {} and {}", step.describe(),
                  axes[i], given.to_string(), before, after);
    plan.before[axes[i]] = before;
    extents[axes[i]] = extent + before + after;
  }
  TROUPE_TRY(plan.dims, shape::make(extents));
  if (plan.mode != pad_mode::constant && given.elements() == 0 && plan.dims.elements() > 0)
    return fail(errc::invalid_argument, "{} has nothing to repeat in its operand {}", step.describe(),
                given.to_string());
  return plan;
}

namespace {

/// Push constants of pad.comp.
struct parameters {
  std::uint32_t count, rank;
  float value;
  std::array<std::uint32_t, limits::rank_max> extents, source_extents;
  std::array<std::int32_t, limits::rank_max> before;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 4));
  TROUPE_TRY(const pad_plan plan, read_pad(node_view(context)));
  if (context.has_input(2) && (context.input_type(2) != context.input_type(0) || context.input_dims(2).elements() != 1))
    return fail(errc::invalid_argument, "the constant of {} is a tensor {}{}; one {} is needed",
                context.step().describe(), to_string(context.input_type(2)), context.input_dims(2).to_string(),
                to_string(context.input_type(0)));
  context.set_output(0, context.input_type(0), plan.dims);
  return {};
}

/// Neighbouring axes that stay as they are become one: each axis costs an invocation one division.
void append_axis(parameters& given, std::int64_t extent, std::int64_t source, std::int64_t before) {
  const bool untouched = extent == source && before == 0;
  const std::uint32_t last = given.rank - 1;
  const bool joins =
      untouched && given.rank > 0 && given.extents[last] == given.source_extents[last] && given.before[last] == 0;
  const std::uint32_t place = joins ? last : given.rank++;
  given.extents[place] = static_cast<std::uint32_t>(joins ? given.extents[place] * extent : extent);
  given.source_extents[place] = joins ? given.extents[place] : static_cast<std::uint32_t>(source);
  given.before[place] = static_cast<std::int32_t>(before);
}

result<void> lower(lowering_context& context) {
  const shape& source = context.input_dims(0);
  const node_view view(context);
  TROUPE_TRY(const pad_plan plan, read_pad(view));
  TROUPE_CHECK(shader_count(context.step(), source));
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), plan.dims));
  TROUPE_TRY(const double value, view.number_or(2, context.step().float_or("value", 0)));
  if (count == 0) return {};
  if (plan.dims == source) {
    context.alias(0, 0);
    return {};
  }
  for (const std::int64_t extent : source)
    if (plan.mode == pad_mode::reflect && extent > (1 << 30))  // the shader's period must fit a signed integer
      return fail(errc::unsupported, "{} reflects an axis of {} elements; at most 2^30 are supported",
                  context.step().describe(), extent);
  parameters given{};
  given.count = count;
  given.value = static_cast<float>(value);
  for (std::size_t axis = 0; axis < source.rank(); ++axis)
    append_axis(given, plan.dims[axis], source[axis], plan.before[axis]);
  context.add({.shader = "pad",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(given),
               .specialization = {static_cast<std::uint32_t>(plan.mode)},
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition pad_operator() {
  return {.name = "Pad",
          .since_version = 2,
          .host_inputs = {1, 2, 3},
          .infer = infer,
          .reference = pad_reference,
          .lower = lower};
}

}  // namespace troupe
