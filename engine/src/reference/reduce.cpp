#include <cmath>
#include <limits>

#include "kernels/reduction.hpp"
#include "reference/element_types.hpp"

namespace troupe {
namespace {

result<reduction> plan_of(const reference_context& context) {
  if (!context.has_input(1))
    return reduction_of(context.step(), context.input(0).dims(), context.step().ints_or("axes", {}));
  TROUPE_TRY(const auto axes, context.input_ints(1));
  return reduction_of(context.step(), context.input(0).dims(), axes);
}

/// Calls `visit(element, result)` with the positions of every element and of the result that it is a part of.
template <class Visit>
void for_each_element(const shape& dims, const reduction& plan, Visit visit) {
  const auto steps = dims.strides();
  const std::int64_t count = dims.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t target = 0;
    for (std::size_t axis = 0; axis < dims.rank(); ++axis)
      if (!plan.reduced[axis]) target = target * dims[axis] + i / steps[axis] % dims[axis];
    visit(static_cast<std::size_t>(i), static_cast<std::size_t>(target));
  }
}

/// Sums are doubles; a NaN wins against every number.
std::vector<double> reduce_floats(reduction_function function, std::span<const double> source, const shape& dims,
                                  const reduction& plan) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto results = static_cast<std::size_t>(plan.output.elements());
  const bool exponential = function == reduction_function::log_sum_exp;
  const auto larger = [](double a, double b) { return a > b || std::isnan(a) ? a : b; };
  std::vector<double> peaks(exponential ? results : 0, -infinity);
  if (exponential)
    for_each_element(dims, plan, [&](std::size_t i, std::size_t k) { peaks[k] = larger(peaks[k], source[i]); });
  for (double& peak : peaks)
    if (std::isinf(peak)) peak = 0;
  const bool multiplies = function == reduction_function::product;
  const bool raises = function == reduction_function::maximum;
  const bool lowers = function == reduction_function::minimum;
  std::vector<double> joined(results, multiplies ? 1 : (raises ? -infinity : (lowers ? infinity : 0)));
  for_each_element(dims, plan, [&](std::size_t i, std::size_t k) {
    const double x = source[i];
    double& y = joined[k];
    switch (function) {
      case reduction_function::maximum: y = larger(y, x); break;
      case reduction_function::minimum: y = y < x || std::isnan(y) ? y : x; break;
      case reduction_function::product: y *= x; break;
      case reduction_function::l1: y += std::abs(x); break;
      case reduction_function::l2:
      case reduction_function::sum_square: y += x * x; break;
      case reduction_function::log_sum_exp: y += std::exp(x - peaks[k]); break;
      default: y += x;
    }
  });
  for (std::size_t k = 0; k < results; ++k) {
    if (function == reduction_function::mean) joined[k] /= static_cast<double>(plan.length);
    if (function == reduction_function::l2) joined[k] = std::sqrt(joined[k]);
    if (function == reduction_function::log_sum) joined[k] = std::log(joined[k]);
    if (exponential) joined[k] = std::log(joined[k]) + peaks[k];
  }
  return joined;
}

bool is_exact(reduction_function function) {
  return function != reduction_function::l2 && function != reduction_function::log_sum &&
         function != reduction_function::log_sum_exp;
}

/// Modulo 2^bits, in 64-bit unsigned arithmetic; a mean is truncated.
template <class T>
result<void> reduce_integers(reference_context& context, reduction_function function, const reduction& plan) {
  const auto source = context.input(0).as<T>();
  const bool raises = function == reduction_function::maximum;
  const bool lowers = function == reduction_function::minimum;
  if (plan.length == 0 && function == reduction_function::mean && plan.output.elements() > 0)
    return fail(errc::invalid_argument, "{} has no elements to take the mean of", context.step().describe());
  const T first = raises ? std::numeric_limits<T>::min() : (lowers ? std::numeric_limits<T>::max() : T{});
  std::vector<T> joined(context.output(0).elements(),
                        function == reduction_function::product ? static_cast<T>(1) : first);
  for_each_element(context.input(0).dims(), plan, [&](std::size_t i, std::size_t k) {
    const auto x = static_cast<std::uint64_t>(source[i]);
    const auto y = static_cast<std::uint64_t>(joined[k]);
    switch (function) {
      case reduction_function::maximum: joined[k] = std::max(joined[k], source[i]); break;
      case reduction_function::minimum: joined[k] = std::min(joined[k], source[i]); break;
      case reduction_function::product: joined[k] = static_cast<T>(y * x); break;
      case reduction_function::l1: joined[k] = static_cast<T>(source[i] < T{} ? y - x : y + x); break;
      case reduction_function::sum_square: joined[k] = static_cast<T>(y + x * x); break;
      default: joined[k] = static_cast<T>(y + x);
    }
  });
  if (function == reduction_function::mean)
    for (T& value : joined) {
      if constexpr (std::is_signed_v<T>)
        value = static_cast<T>(static_cast<std::int64_t>(value) / plan.length);
      else
        value = static_cast<T>(static_cast<std::uint64_t>(value) / static_cast<std::uint64_t>(plan.length));
    }
  std::copy(joined.begin(), joined.end(), context.output(0).as_mutable<T>().begin());
  return {};
}

}  // namespace

result<void> reduce_reference(reference_context& context) {
  TROUPE_TRY(const reduction plan, plan_of(context));
  const reduction_function function = find_reduction(context.step().op)->function;
  tensor& target = context.output(0);
  const dtype type = target.type();
  if (plan.keeps_all) {
    target = context.input(0);
    return {};
  }
  if (type == dtype::boolean) {  // only the largest and the smallest are defined
    TROUPE_TRY(const tensor wide, convert(context.input(0), dtype::f64));
    const auto values = reduce_floats(function, wide.as<double>(), wide.dims(), plan);
    const auto to = target.as_mutable<bool>();
    for (std::size_t k = 0; k < values.size(); ++k) to[k] = values[k] > 0;
    return {};
  }
  if (!is_float(type) && is_exact(function))
    return with_arithmetic_type(type, [&](auto zero) -> result<void> {
      using element = decltype(zero);
      if constexpr (std::is_integral_v<element>) return reduce_integers<element>(context, function, plan);
      return {};
    });
  TROUPE_TRY(const tensor wide, convert(context.input(0), dtype::f64));
  const auto values = reduce_floats(function, wide.as<double>(), wide.dims(), plan);
  TROUPE_TRY(const tensor made, tensor::from<double>(target.dims(), values));
  TROUPE_TRY(target, type == dtype::f16 ? convert_to_storage(made, type) : convert(made, type));
  return {};
}

result<void> global_average_pool_reference(reference_context& context) {
  TROUPE_TRY(const auto input, context.input_floats(0));
  std::vector<float> values(context.output(0).elements());
  const std::size_t plane = values.empty() ? 0 : input.size() / values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < plane; ++k) sum += input[i * plane + k];
    values[i] = static_cast<float>(sum / static_cast<double>(plane));
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
