#include "kernels/unary.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "reference/element_types.hpp"

namespace troupe {
namespace {

double expm1_below_zero(double slope, double x) {
  return x < 0 ? slope * std::expm1(x) : x;
}

double line_in_unit_interval(double a, double b, double x) {
  const double line = a * x + b;
  return line < 0 ? 0 : (line > 1 ? 1 : line);
}

/// Every comparison is written so that a NaN stays one.
double apply(const unary_call& call, double x) {
  switch (call.function) {
    case unary_function::relu: return x < 0 ? 0 : x;
    case unary_function::leaky_relu: return x < 0 ? call.a * x : x;
    case unary_function::clip: {  // the upper bound wins when the bounds cross
      const double raised = x < call.a ? call.a : x;
      return raised > call.b ? call.b : raised;
    }
    case unary_function::sigmoid: return 1 / (1 + std::exp(-x));
    case unary_function::tanh: return std::tanh(x);
    case unary_function::sqrt: return std::sqrt(x);
    case unary_function::exp: return std::exp(x);
    case unary_function::log: return std::log(x);
    case unary_function::neg: return -x;
    case unary_function::abs: return std::abs(x);
    case unary_function::reciprocal: return 1 / x;
    case unary_function::erf: return std::erf(x);
    case unary_function::hard_sigmoid: return line_in_unit_interval(call.a, call.b, x);
    case unary_function::hard_swish: return x * line_in_unit_interval(call.a, call.b, x);
    case unary_function::elu: return expm1_below_zero(call.a, x);
    case unary_function::selu: return call.b * expm1_below_zero(call.a, x);
    case unary_function::softplus: return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x)));
    case unary_function::gelu: return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case unary_function::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case unary_function::mish: return x * std::tanh((x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))));
    case unary_function::swish: return x / (1 + std::exp(-call.a * x));
    case unary_function::ceil: return std::ceil(x);
    case unary_function::floor: return std::floor(x);
    case unary_function::round: return std::nearbyint(x);  // ties to even, the default rounding
    case unary_function::sign: return x > 0 ? 1 : (x < 0 ? -1 : x);
    case unary_function::sin: return std::sin(x);
    case unary_function::cos: return std::cos(x);
    case unary_function::tan: return std::tan(x);
    case unary_function::sinh: return std::sinh(x);
    case unary_function::cosh: return std::cosh(x);
    case unary_function::asin: return std::asin(x);
    case unary_function::acos: return std::acos(x);
    case unary_function::atan: return std::atan(x);
    case unary_function::asinh: return std::asinh(x);
    case unary_function::acosh: return std::acosh(x);
    case unary_function::atanh: return std::atanh(x);
    case unary_function::celu: return x < 0 ? call.a * std::expm1(x / call.a) : x;
    case unary_function::thresholded_relu: return x <= call.a ? 0 : x;
    case unary_function::shrink: return x < -call.a ? x + call.b : (x > call.a ? x - call.b : (x == x ? 0 : x));
    case unary_function::softsign: return x / (1 + std::abs(x));
    case unary_function::fake_quantize: {
      // The quotient is one of floats, as QuantizeLinear's is. A NaN becomes what 0 becomes.
      const double steps = std::nearbyint(static_cast<float>(x) / static_cast<float>(call.a));
      const double raised = steps > call.b ? steps : (std::isnan(steps) ? 0 : call.b);
      return (raised > call.c ? call.c : raised) * call.a;
    }
    case unary_function::round_to_half: return to_float(to_float16(static_cast<float>(x)));
  }
  return x;
}

/// Integers are exact and wrap around: int64 must not pass through a floating-point type.
template <class T>
T apply_integer(unary_function function, T x, T low, T high) {
  const bool negative = x < T{};
  switch (function) {
    case unary_function::relu: return negative ? T{} : x;
    case unary_function::clip: return std::min(std::max(x, low), high);
    case unary_function::abs: return negative ? static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x)) : x;
    case unary_function::sign: return negative ? static_cast<T>(-1) : static_cast<T>(x > T{});
    case unary_function::neg: return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
    default: return x;
  }
}

template <class T>
result<void> run_integers(reference_context& context, unary_function function) {
  const T low = context.has_input(1) ? context.input(1).as<T>()[0] : std::numeric_limits<T>::lowest();
  const T high = context.has_input(2) ? context.input(2).as<T>()[0] : std::numeric_limits<T>::max();
  const auto source = context.input(0).as<T>();
  const auto target = context.output(0).as_mutable<T>();
  for (std::size_t i = 0; i < source.size(); ++i) target[i] = apply_integer(function, source[i], low, high);
  return {};
}

}  // namespace

result<void> unary_reference(reference_context& context) {
  TROUPE_TRY(const unary_call call, read_unary(node_view(context)));
  const dtype type = context.input(0).type();
  if (call.function == unary_function::shrink && !is_float(type)) {  // with a fractional bias, so in floating point
    TROUPE_TRY(tensor wide, convert(context.input(0), dtype::f64));
    for (double& value : wide.as_mutable<double>()) value = apply(call, value);
    TROUPE_TRY(context.output(0), convert(wide, type));
    return {};
  }
  if (!is_float(type))
    return with_arithmetic_type(type, [&](auto zero) -> result<void> {
      if constexpr (std::is_integral_v<decltype(zero)>) return run_integers<decltype(zero)>(context, call.function);
      return {};
    });
  if (type == dtype::f64) {
    const auto source = context.input(0).as<double>();
    const auto target = context.output(0).as_mutable<double>();
    for (std::size_t i = 0; i < source.size(); ++i) target[i] = apply(call, source[i]);
    return {};
  }
  TROUPE_TRY(auto values, context.input_floats(0));
  for (float& value : values) value = static_cast<float>(apply(call, value));
  return context.set_output_floats(0, values);
}

}  // namespace troupe
