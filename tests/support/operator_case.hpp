// One operator on given operands, against values written down by hand: this is what checks the reference definitions
// themselves. `check_kernel` then compares devices with the reference.
#pragma once

#include "support/kernel_case.hpp"

namespace troupe::test {

template <class T>
tensor tensor_of(const shape& dims, std::initializer_list<T> values) {
  return need(tensor::from(dims, std::span<const T>(values.begin(), values.size())));
}
template <class T>
tensor scalar_of(T value) {
  return tensor_of<T>(shape{}, {value});
}
inline tensor list_of(std::initializer_list<std::int64_t> values) {
  return tensor_of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

/// 0, 1, 2, ... in row-major order, in any type (bool: alternating).
inline tensor counting(const shape& dims, dtype type = dtype::f32) {
  tensor made = need(tensor::make(dtype::i64, dims));
  std::int64_t next = 0;
  for (std::int64_t& element : made.as_mutable<std::int64_t>())
    element = type == dtype::boolean ? next++ % 2 : next++ % 128;
  return need(convert(made, type));
}

/// Random values that binary16 holds exactly: moved unchanged in either storage type, wherever the operator runs.
inline tensor random_halves(const shape& dims, std::uint64_t seed) {
  return need(convert(need(convert(random_tensor(dims, seed), dtype::f16)), dtype::f32));
}

inline constexpr dtype all_types[] = {dtype::f16, dtype::f32,     dtype::f64, dtype::i8,  dtype::u8,  dtype::i32,
                                      dtype::i64, dtype::boolean, dtype::i16, dtype::u16, dtype::u32, dtype::u64};

/// The shapes that the operator infers when it knows only what it says it must know (its host inputs and constants).
inline result<std::vector<infer_context::output>> infer_without_contents(const kernel_case& given, const node& step,
                                                                         const operator_definition& definition) {
  std::vector<infer_context::operand> operands(given.inputs.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const tensor& operand = given.inputs[i];
    if (!operand.storage()) continue;
    const auto& known = definition.host_inputs;
    const bool needed = std::find(known.begin(), known.end(), i) != known.end();
    operands[i] = {true, operand.type(), operand.dims(), needed ? &operand : nullptr};
  }
  infer_context context(step, std::move(operands));
  TROUPE_CHECK(definition.infer(context));
  return context.outputs();
}

/// Runs `given` by its reference definition, and checks that shapes are inferred without run-time contents.
inline result<std::vector<tensor>> evaluate(const kernel_case& given) {
  const graph made = graph_of(given);
  const operator_table table = builtin_operators();
  const node& step = made.nodes.front();
  const operator_definition* definition = table.find(step);
  if (!definition) return error(errc::unsupported, "no operator " + given.op);
  std::vector<const tensor*> inputs;
  for (const tensor& operand : given.inputs) inputs.push_back(operand.storage() ? &operand : nullptr);
  TROUPE_TRY(auto outputs, run_reference(step, *definition, inputs));
  TROUPE_TRY(const auto inferred, infer_without_contents(given, step, *definition));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!inferred[i].set || inferred[i].type != outputs[i].type() || inferred[i].dims != outputs[i].dims())
      return error(errc::internal, "the shapes inferred before and during the run differ");
  }
  return outputs;
}

/// Output 0 of the reference is `want`, bit for bit.
inline void check_value(const kernel_case& given, const tensor& want) {
  INFO(given.op << ", opset " << given.version);
  const auto got = need(evaluate(given));
  REQUIRE(got[0].type() == want.type());
  CHECK(compare(got[0], want, exact) == "");
  CHECK(bitwise_equal(got[0], want));
}

/// The error with which `given` is refused; a failed test when it is not.
inline error refusal(const kernel_case& given) {
  auto outcome = evaluate(given);
  if (outcome) {
    FAIL_CHECK(given.op << " was not refused");
    return error(errc::internal, "not refused");
  }
  CHECK(!outcome.error().message().empty());
  return outcome.error();
}

}  // namespace troupe::test
