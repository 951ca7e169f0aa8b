#include "kernels/window.hpp"

#include <cmath>
#include <numbers>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// A periodic window is the beginning of a symmetric one that is longer by one. One element alone is 1.
result<void> window_reference(reference_context& context) {
  const window_function window = window_function_of(context.step().op);
  tensor& target = context.output(0);
  TROUPE_TRY(tensor made, tensor::make(dtype::f64, target.dims()));
  const auto values = made.as_mutable<double>();
  const bool is_periodic = context.step().int_or("periodic", 1) != 0;
  const double period = static_cast<double>(values.size()) - (is_periodic ? 0 : 1);
  for (std::size_t n = 0; n < values.size(); ++n) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(n) / period;
    values[n] = period > 0 ? window.a - window.b * std::cos(angle) + window.c * std::cos(2 * angle) : 1;
  }
  TROUPE_TRY(target, target.type() == dtype::f16 ? convert_to_storage(made, dtype::f16) : convert(made, target.type()));
  return {};
}

}  // namespace troupe
