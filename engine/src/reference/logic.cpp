#include "kernels/logic.hpp"

#include <cmath>

#include "reference/walk.hpp"

namespace troupe {
namespace {

std::uint64_t shifted(std::uint64_t x, std::uint64_t by, bool left) {
  if (by >= 64) return 0;
  return left ? x << by : x >> by;
}

/// The bits of all integer types fit 64; a boolean is 0 or 1.
std::uint64_t apply(logic_function function, std::uint64_t a, std::uint64_t b, bool left) {
  switch (function) {
    case logic_function::conjunction: return a & b;
    case logic_function::disjunction: return a | b;
    case logic_function::difference: return a ^ b;
    case logic_function::shift: return shifted(a, b, left);
    case logic_function::negation: break;
  }
  return ~a;
}

template <class Holds>
result<void> classify(reference_context& context, Holds holds) {
  TROUPE_TRY(const tensor wide, convert(context.input(0), dtype::f64));
  const auto source = wide.as<double>();
  const auto target = context.output(0).as_mutable<bool>();
  for (std::size_t i = 0; i < source.size(); ++i) target[i] = holds(source[i]);
  return {};
}

}  // namespace

result<void> logic_reference(reference_context& context) {
  const logic_function function = find_logic(context.step().op)->function;
  bool left = false;
  if (function == logic_function::shift) {
    TROUPE_TRY(left, shifts_left(context.step()));
  }
  tensor& target = context.output(0);
  const bool of_booleans = target.type() == dtype::boolean;
  TROUPE_TRY(const tensor a, convert(context.input(0), dtype::u64));
  TROUPE_TRY(const tensor b, convert(context.input(context.input_count() - 1), dtype::u64));
  TROUPE_TRY(tensor joined, tensor::make_uninitialized(dtype::u64, target.dims()));
  const auto x = a.as<std::uint64_t>();
  const auto y = b.as<std::uint64_t>();
  const auto z = joined.as_mutable<std::uint64_t>();
  const std::size_t rank = target.dims().rank();
  std::size_t i = 0;
  for_each_index(target.dims(), [&](const tensor_index& index) {
    const std::uint64_t value = apply(function, x[broadcast_position(a.dims(), rank, index)],
                                      y[broadcast_position(b.dims(), rank, index)], left);
    z[i++] = of_booleans ? value & 1 : value;
  });
  TROUPE_TRY(target, convert(joined, target.type()));
  return {};
}

result<void> is_nan_reference(reference_context& context) {
  return classify(context, [](double x) { return std::isnan(x); });
}

result<void> is_inf_reference(reference_context& context) {
  const bool upwards = context.step().int_or("detect_positive", 1) != 0;
  const bool downwards = context.step().int_or("detect_negative", 1) != 0;
  return classify(context, [&](double x) { return std::isinf(x) && (x > 0 ? upwards : downwards); });
}

}  // namespace troupe
