// ArgMax, ArgMin, TopK and Hardmax. The first three make integers, which devices do not hold, so all of them run on the
// host: in the networks that exist they come last.
#include "kernels/arg_max.hpp"

#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/softmax.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> arg_max_reference(reference_context&);
result<void> hardmax_reference(reference_context&);
result<void> top_k_reference(reference_context&);

namespace {

result<void> expect_numbers(const infer_context& context) {
  if (context.input_type(0) != dtype::boolean) return {};
  return fail(errc::invalid_argument, "{} is not defined for bool", context.step().describe());
}

result<void> infer_arg_max(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_numbers(context));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), given.rank()));
  std::vector<std::int64_t> extents(given.begin(), given.end());
  if (extents[axis] == 0)
    return fail(errc::invalid_argument, "axis {} of the operand {} of {} is empty", axis, given.to_string(),
                step.describe());
  extents[axis] = 1;
  if (step.int_or("keepdims", 1) == 0) extents.erase(extents.begin() + static_cast<std::ptrdiff_t>(axis));
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, dtype::i64, dims);
  return {};
}

result<void> infer_hardmax(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_CHECK(softmax_shape_of(context.step(), context.input_dims(0)));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

/// The number of elements was an attribute up to opset 9.
result<void> infer_top_k(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 2));
  TROUPE_CHECK(expect_numbers(context));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", -1), given.rank()));
  std::int64_t wanted = step.int_or("k", -1);
  if (context.has_input(1)) {
    TROUPE_TRY(const auto listed, context.input_ints(1, "the number of elements"));
    wanted = listed.size() == 1 ? listed[0] : -1;
  }
  if (wanted < 0 || wanted > given[axis])
    return fail(errc::invalid_argument, "{} takes {} elements of axis {} of its operand {}", step.describe(), wanted,
                axis, given.to_string());
  std::vector<std::int64_t> extents(given.begin(), given.end());
  extents[axis] = wanted;
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  context.set_output(1, dtype::i64, dims);
  return {};
}

}  // namespace

operator_definition arg_max_operator() {
  return {.name = "ArgMax", .infer = infer_arg_max, .reference = arg_max_reference};
}
operator_definition arg_min_operator() {
  return {.name = "ArgMin", .infer = infer_arg_max, .reference = arg_max_reference};
}
operator_definition hardmax_operator() {
  return {.name = "Hardmax", .infer = infer_hardmax, .reference = hardmax_reference};
}
operator_definition top_k_operator() {
  return {.name = "TopK", .host_inputs = {1}, .infer = infer_top_k, .reference = top_k_reference};
}

}  // namespace troupe
