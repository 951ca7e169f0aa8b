#include "kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> softmax_reference(reference_context& context) {
  TROUPE_TRY(const softmax_shape rows, softmax_shape_of(context.step(), context.input(0).dims()));
  TROUPE_TRY(auto values, context.input_floats(0));
  const bool logarithm = context.step().op == "LogSoftmax";
  for (std::int64_t outer = 0; outer < rows.outer; ++outer)
    for (std::int64_t inner = 0; inner < rows.inner; ++inner) {
      const auto at = [&](std::int64_t i) -> float& {
        return values[static_cast<std::size_t>((outer * rows.length + i) * rows.inner + inner)];
      };
      float largest = -std::numeric_limits<float>::infinity();
      for (std::int64_t i = 0; i < rows.length; ++i) largest = std::max(largest, at(i));
      double sum = 0;
      for (std::int64_t i = 0; i < rows.length; ++i) sum += std::exp(static_cast<double>(at(i)) - largest);
      for (std::int64_t i = 0; i < rows.length; ++i) {
        const double x = static_cast<double>(at(i)) - largest;
        at(i) = static_cast<float>(logarithm ? x - std::log(sum) : std::exp(x) / sum);
      }
    }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
