#include <cmath>

#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> batch_normalization_reference(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(0));
  TROUPE_TRY(const auto scale, context.input_floats(1));
  TROUPE_TRY(const auto offset, context.input_floats(2));
  TROUPE_TRY(const auto mean, context.input_floats(3));
  TROUPE_TRY(const auto variance, context.input_floats(4));
  const double epsilon = context.step().float_or("epsilon", 1e-5f);
  const shape& dims = context.input(0).dims();
  const auto channels = scale.size();
  const auto inner = static_cast<std::size_t>(dims.rank() > 2 ? dims.elements(2, dims.rank()) : 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i / inner % channels;
    const double normal = (values[i] - static_cast<double>(mean[c])) / std::sqrt(variance[c] + epsilon);
    values[i] = static_cast<float>(normal * scale[c] + offset[c]);
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
