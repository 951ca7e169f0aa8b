#include <cmath>
#include <limits>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// Integers are exact: Relu and Clip of int64 must not pass through float.
template <class T>
result<void> clip_or_relu(reference_context& context) {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
  if (context.step().op == "Relu") low = T{};
  if (context.has_input(1)) low = context.input(1).as<T>()[0];
  if (context.has_input(2)) high = context.input(2).as<T>()[0];
  const auto source = context.input(0).as<T>();
  const auto target = context.output(0).as_mutable<T>();
  for (std::size_t i = 0; i < source.size(); ++i)
    target[i] = source[i] < low ? low : (source[i] > high ? high : source[i]);
  return {};
}

float apply(const node& step, float x, float low, float high) {
  if (step.op == "Relu") return x < 0 ? 0.0f : x;
  if (step.op == "LeakyRelu") return x < 0 ? step.float_or("alpha", 0.01f) * x : x;
  if (step.op == "Clip") return x < low ? low : (x > high ? high : x);
  if (step.op == "Sigmoid") return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(x))));
  return std::tanh(x);
}

}  // namespace

result<void> unary_reference(reference_context& context) {
  for (std::size_t i = 1; i <= 2; ++i)
    if (context.has_input(i) &&
        (context.input(i).elements() != 1 || context.input(i).type() != context.input(0).type()))
      return error(errc::invalid_argument,
                   "a bound of " + context.step().describe() + " is not a scalar of the operand's type");
  switch (context.input(0).type()) {
    case dtype::i8: return clip_or_relu<std::int8_t>(context);
    case dtype::u8: return clip_or_relu<std::uint8_t>(context);
    case dtype::i32: return clip_or_relu<std::int32_t>(context);
    case dtype::i64: return clip_or_relu<std::int64_t>(context);
    default: break;
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float low = context.step().float_or("min", -infinity);
  float high = context.step().float_or("max", infinity);
  if (context.has_input(1)) {
    TROUPE_TRY(const auto bound, context.input_floats(1));
    low = bound[0];
  }
  if (context.has_input(2)) {
    TROUPE_TRY(const auto bound, context.input_floats(2));
    high = bound[0];
  }
  TROUPE_TRY(auto values, context.input_floats(0));
  for (float& value : values) value = apply(context.step(), value, low, high);
  return context.set_output_floats(0, values);
}

}  // namespace troupe
