// And, Or, Xor and Not of booleans, the bitwise operators of integers, and IsNaN and IsInf. They make booleans or
// integers, which devices do not hold, so they run on the host.
#include "kernels/logic.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> logic_reference(reference_context&);
result<void> is_nan_reference(reference_context&);
result<void> is_inf_reference(reference_context&);

namespace {

constexpr logic_kind kinds[] = {
    {"And", logic_function::conjunction, 7, true},
    {"BitShift", logic_function::shift, 11, false},
    {"BitwiseAnd", logic_function::conjunction, 18, false},
    {"BitwiseNot", logic_function::negation, 18, false},
    {"BitwiseOr", logic_function::disjunction, 18, false},
    {"BitwiseXor", logic_function::difference, 18, false},
    {"Not", logic_function::negation, 1, true},
    {"Or", logic_function::disjunction, 7, true},
    {"Xor", logic_function::difference, 7, true},
};

bool serves(const logic_kind& kind, dtype type) {
  if (kind.of_booleans) return type == dtype::boolean;
  const bool has_sign = type == dtype::i8 || type == dtype::i16 || type == dtype::i32 || type == dtype::i64;
  return is_integer(type) && !(has_sign && kind.function == logic_function::shift);
}

result<void> infer(infer_context& context) {
  const node& step = context.step();
  const logic_kind& kind = *find_logic(step.op);
  const std::size_t operands = kind.function == logic_function::negation ? 1 : 2;
  TROUPE_CHECK(context.expect_inputs(operands, operands));
  if (kind.function == logic_function::shift) TROUPE_CHECK(shifts_left(step));
  const dtype type = context.input_type(0);
  shape dims = context.input_dims(0);
  for (std::size_t i = 0; i < operands; ++i) {
    if (!serves(kind, context.input_type(i)) || context.input_type(i) != type)
      return fail(errc::invalid_argument, "{} is not defined for an operand {} of type {}", step.describe(), i,
                  to_string(context.input_type(i)));
    TROUPE_TRY(dims, broadcast(dims, context.input_dims(i)));
  }
  context.set_output(0, type, dims);
  return {};
}

result<void> infer_classification(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  if (!is_float(context.input_type(0)))
    return fail(errc::invalid_argument, "{} is not defined for {}", context.step().describe(),
                to_string(context.input_type(0)));
  context.set_output(0, dtype::boolean, context.input_dims(0));
  return {};
}

operator_definition logic(std::string_view op) {
  return {.name = op, .since_version = find_logic(op)->since_version, .infer = infer, .reference = logic_reference};
}

}  // namespace

const logic_kind* find_logic(std::string_view op) {
  for (const logic_kind& kind : kinds)
    if (kind.op == op) return &kind;
  return nullptr;
}

result<bool> shifts_left(const node& step) {
  const std::string direction = step.string_or("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return fail(errc::invalid_argument, "{} shifts in the direction \"{}\"; LEFT and RIGHT exist", step.describe(),
                direction);
  return direction == "LEFT";
}

operator_definition logical_and_operator() {
  return logic("And");
}
operator_definition bit_shift_operator() {
  return logic("BitShift");
}
operator_definition bitwise_and_operator() {
  return logic("BitwiseAnd");
}
operator_definition bitwise_not_operator() {
  return logic("BitwiseNot");
}
operator_definition bitwise_or_operator() {
  return logic("BitwiseOr");
}
operator_definition bitwise_xor_operator() {
  return logic("BitwiseXor");
}
operator_definition is_inf_operator() {
  return {.name = "IsInf", .since_version = 10, .infer = infer_classification, .reference = is_inf_reference};
}
operator_definition is_nan_operator() {
  return {.name = "IsNaN", .since_version = 9, .infer = infer_classification, .reference = is_nan_reference};
}
operator_definition logical_not_operator() {
  return logic("Not");
}
operator_definition logical_or_operator() {
  return logic("Or");
}
operator_definition logical_xor_operator() {
  return logic("Xor");
}

}  // namespace troupe
