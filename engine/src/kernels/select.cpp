// NonZero, Compress and Unique. The contents of an operand decide the shape of the result, so a program is specialised
// for them: they are computed on the host before the rest.
#include "kernels/select.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> compress_reference(reference_context&);
result<void> non_zero_reference(reference_context&);
result<void> unique_reference(reference_context&);

std::vector<std::int64_t> true_places(const tensor& condition, std::int64_t extent) {
  std::vector<std::int64_t> places;
  std::int64_t i = 0;
  for (const bool chosen : condition.as<bool>()) {
    if (i == extent) break;
    if (chosen) places.push_back(i);
    ++i;
  }
  return places;
}

result<std::optional<std::size_t>> selection_axis(const node& step, std::size_t rank) {
  if (!step.has("axis")) return std::optional<std::size_t>();
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), rank));
  return std::optional(axis);
}

namespace {

error unknown_contents(const infer_context& context, std::size_t operand) {
  return fail(errc::unsupported, "operand {} of {} depends on values computed during the run", operand,
              context.step().describe());
}

/// `given` with `count` slices along the axis, or a list of `count` elements.
result<shape> selected(const shape& given, std::optional<std::size_t> axis, std::size_t count) {
  const auto length = static_cast<std::int64_t>(count);
  if (!axis) return shape{length};
  std::vector<std::int64_t> extents(given.begin(), given.end());
  extents[*axis] = length;
  return shape::make(extents);
}

result<void> infer_compress(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const auto axis, selection_axis(step, given.rank()));
  const std::int64_t extent = axis ? given[*axis] : given.elements();
  const shape& condition = context.input_dims(1);
  if (context.input_type(1) != dtype::boolean || condition.rank() != 1 || condition[0] > extent)
    return fail(errc::invalid_argument, "the condition of {} is a tensor {}{}; a list of at most {} bools is needed",
                step.describe(), to_string(context.input_type(1)), condition.to_string(), extent);
  const tensor* known = context.input_value(1);
  if (!known) return unknown_contents(context, 1);
  TROUPE_TRY(const shape dims, selected(given, axis, true_places(*known, extent).size()));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_non_zero(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const tensor* known = context.input_value(0);
  if (!known) return unknown_contents(context, 0);
  TROUPE_TRY(const tensor flags, convert(*known, dtype::boolean));
  const auto count = static_cast<std::int64_t>(true_places(flags, flags.dims().elements()).size());
  context.set_output(0, dtype::i64, {static_cast<std::int64_t>(known->dims().rank()), count});
  return {};
}

result<void> infer_unique(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const tensor* known = context.input_value(0);
  if (!known) return unknown_contents(context, 0);
  TROUPE_TRY(const auto axis, selection_axis(context.step(), known->dims().rank()));
  TROUPE_TRY(const distinct_slices found, find_distinct(context.step(), *known));
  TROUPE_TRY(const shape dims, selected(known->dims(), axis, found.first.size()));
  const shape list{static_cast<std::int64_t>(found.first.size())};
  context.set_output(0, context.input_type(0), dims);
  context.set_output(1, dtype::i64, list);
  context.set_output(2, dtype::i64, {static_cast<std::int64_t>(found.kinds.size())});
  context.set_output(3, dtype::i64, list);
  return {};
}

}  // namespace

operator_definition compress_operator() {
  return {.name = "Compress",
          .since_version = 9,
          .host_inputs = {1},
          .infer = infer_compress,
          .reference = compress_reference};
}
operator_definition non_zero_operator() {
  return {.name = "NonZero",
          .since_version = 9,
          .host_inputs = {0},
          .infer = infer_non_zero,
          .reference = non_zero_reference};
}
operator_definition unique_operator() {
  return {
      .name = "Unique", .since_version = 11, .host_inputs = {0}, .infer = infer_unique, .reference = unique_reference};
}

}  // namespace troupe
