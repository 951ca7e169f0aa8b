#include "kernels/binary.hpp"

#include <algorithm>
#include <cmath>

#include "reference/element_types.hpp"
#include "reference/walk.hpp"

namespace troupe {
namespace {

/// As C's pow, for floats; NaN wins in Min and Max.
template <class T>
requires std::is_floating_point_v<T> T apply(binary_function function, T a, T b) {
  switch (function) {
    case binary_function::add: return a + b;
    case binary_function::sub: return a - b;
    case binary_function::mul: return a * b;
    case binary_function::div: return a / b;
    case binary_function::pow: return std::pow(a, b);
    case binary_function::prelu: return a < 0 ? a * b : a;
    case binary_function::min: return a < b || std::isnan(a) ? a : b;
    case binary_function::max: return a > b || std::isnan(a) ? a : b;
    case binary_function::average: return a + b;  // the caller divides
    case binary_function::floor_modulo:
    case binary_function::fmod: return std::fmod(a, b);
  }
  return a;
}

/// Modulo 2^64, which the caller's narrowing makes modulo 2^bits. A negative power is the truncated quotient 1 / b^n;
/// of 0 it does not exist, and the caller refused it.
template <class T>
T integer_power(T base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == T{1}) return base;
    const bool minus_one = std::is_signed_v<T> && static_cast<std::int64_t>(base) == -1;
    if (minus_one) return exponent % 2 ? base : T{1};
    return T{};
  }
  std::uint64_t power = 1;
  std::uint64_t square = static_cast<std::uint64_t>(base);
  for (auto left = static_cast<std::uint64_t>(exponent); left; left >>= 1) {
    if (left & 1) power *= square;
    square *= square;
  }
  return static_cast<T>(power);
}

/// Exact and modulo 2^bits: 64-bit unsigned arithmetic, narrowed. The divisor is not 0.
template <class T>
requires std::is_integral_v<T> T apply(binary_function function, T a, T b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  switch (function) {
    case binary_function::add: return static_cast<T>(x + y);
    case binary_function::sub: return static_cast<T>(x - y);
    case binary_function::mul: return static_cast<T>(x * y);
    // The lowest value divided by -1 overflows; negation wraps around to the lowest value.
    case binary_function::div:
      return std::is_signed_v<T> && b == static_cast<T>(-1) ? static_cast<T>(0 - x) : static_cast<T>(a / b);
    case binary_function::pow: return integer_power(a, static_cast<std::int64_t>(b));
    case binary_function::prelu: return a < T{} ? static_cast<T>(x * y) : a;
    case binary_function::min: return std::min(a, b);
    case binary_function::max: return std::max(a, b);
    case binary_function::average:
      return a;  // not defined for integers
    // A remainder by -1 is 0, and C++ leaves it undefined for the lowest value.
    case binary_function::fmod: return std::is_signed_v<T> && b == static_cast<T>(-1) ? T{} : static_cast<T>(a % b);
    case binary_function::floor_modulo: {
      const T rest = std::is_signed_v<T> && b == static_cast<T>(-1) ? T{} : static_cast<T>(a % b);
      return rest != T{} && (rest < T{}) != (b < T{}) ? static_cast<T>(rest + b) : rest;
    }
  }
  return a;
}

/// Integers have no answer to division by zero.
template <class T>
result<void> check_divisor(const node& step, binary_function function, T a, T b) {
  const bool divides = (function == binary_function::div || function == binary_function::fmod ||
                        function == binary_function::floor_modulo) &&
                       b == T{};
  const bool inverts = function == binary_function::pow && a == T{} && b < T{};
  if (divides || inverts) return fail(errc::invalid_argument, "{} divides an integer by zero", step.describe());
  return {};
}

/// target = f(a, b), all of type T, with `a` and `b` broadcast to target's shape.
template <class T>
result<void> combine(const node& step, binary_function function, const tensor& a, const tensor& b, tensor& target) {
  const auto x = a.as<T>();
  const auto y = b.as<T>();
  const auto z = target.as_mutable<T>();
  const shape& dims = target.dims();
  result<void> outcome;
  std::size_t i = 0;
  for_each_index(dims, [&](const tensor_index& index) {
    const T left = x[broadcast_position(a.dims(), dims.rank(), index)];
    const T right = y[broadcast_position(b.dims(), dims.rank(), index)];
    if constexpr (std::is_integral_v<T>) {
      if (outcome) outcome = check_divisor(step, function, left, right);
      if (!outcome) return;
    }
    z[i++] = apply(function, left, right);
  });
  return outcome;
}

/// float16 and, where the two differ in type (Pow), everything but pairs of integers is computed in floating point.
dtype arithmetic_type(const reference_context& context) {
  dtype type = context.input(0).type();
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    const dtype other = context.input(i).type();
    if (other == type) continue;
    type = is_float(type) || is_float(other) ? dtype::f64 : dtype::i64;
  }
  return type == dtype::f16 ? dtype::f32 : type;
}

}  // namespace

result<void> binary_reference(reference_context& context) {
  const binary_function function = binary_function_of(context.step());
  const dtype type = arithmetic_type(context);
  tensor& target = context.output(0);
  TROUPE_TRY(tensor left, convert(context.input(0), type));
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    TROUPE_TRY(const tensor right, convert(context.input(i), type));
    TROUPE_TRY(tensor joined, tensor::make_uninitialized(type, target.dims()));
    TROUPE_CHECK(with_arithmetic_type(
        type, [&](auto zero) { return combine<decltype(zero)>(context.step(), function, left, right, joined); }));
    left = std::move(joined);
  }
  if (function == binary_function::average) {
    TROUPE_TRY(left, convert(left, dtype::f64));
    for (double& value : left.as_mutable<double>()) value /= static_cast<double>(context.input_count());
  }
  TROUPE_TRY(target, target.type() == dtype::f16 ? convert_to_storage(left, dtype::f16) : convert(left, target.type()));
  return {};
}

}  // namespace troupe
