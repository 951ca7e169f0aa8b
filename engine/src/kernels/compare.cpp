// Equal, Greater, GreaterOrEqual, Less, LessOrEqual and Where. They make or take booleans, which devices do not hold,
// so they run on the host: in the networks that exist they compute shapes and masks, a few elements at a time.
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> compare_reference(reference_context&);
result<void> where_reference(reference_context&);

namespace {

/// The types of operands `first` and on agree; their common shape, broadcast with `dims`.
result<shape> join(const infer_context& context, std::size_t first, shape dims) {
  for (std::size_t i = first; i < context.input_count(); ++i) {
    if (context.input_type(i) != context.input_type(first))
      return fail(errc::invalid_argument, "{} is not defined for operands of types {} and {}",
                  context.step().describe(), to_string(context.input_type(first)), to_string(context.input_type(i)));
    TROUPE_TRY(dims, broadcast(dims, context.input_dims(i)));
  }
  return dims;
}

result<void> infer_comparison(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(const shape dims, join(context, 0, shape{}));
  if (context.input_type(0) == dtype::boolean && context.step().op != "Equal")
    return fail(errc::invalid_argument, "{} is not defined for bool", context.step().describe());
  context.set_output(0, dtype::boolean, dims);
  return {};
}

result<void> infer_where(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(3, 3));
  if (context.input_type(0) != dtype::boolean)
    return fail(errc::invalid_argument, "the condition of {} is {}; bool is needed", context.step().describe(),
                to_string(context.input_type(0)));
  TROUPE_TRY(const shape dims, join(context, 1, context.input_dims(0)));
  context.set_output(0, context.input_type(1), dims);
  return {};
}

operator_definition comparison(std::string_view op, int since_version) {
  return {.name = op, .since_version = since_version, .infer = infer_comparison, .reference = compare_reference};
}

}  // namespace

operator_definition equal_operator() {
  return comparison("Equal", 7);
}
operator_definition greater_operator() {
  return comparison("Greater", 7);
}
operator_definition greater_or_equal_operator() {
  return comparison("GreaterOrEqual", 12);
}
operator_definition less_operator() {
  return comparison("Less", 7);
}
operator_definition less_or_equal_operator() {
  return comparison("LessOrEqual", 12);
}
operator_definition where_operator() {
  return {.name = "Where", .since_version = 9, .infer = infer_where, .reference = where_reference};
}

}  // namespace troupe
