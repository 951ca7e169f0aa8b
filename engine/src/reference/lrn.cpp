#include <algorithm>
#include <cmath>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// y[c] = x[c] / (bias + alpha / size * sum of squares over the `size` channels around c) ^ beta
result<void> lrn_reference(reference_context& context) {
  TROUPE_TRY(const auto input, context.input_floats(0));
  const shape& dims = context.input(0).dims();
  const std::int64_t channels = dims[1];
  const std::int64_t inner = dims.elements(2, dims.rank());
  const std::int64_t size = context.step().int_or("size", 1);
  const double alpha = context.step().float_or("alpha", 0.0001f);
  const double beta = context.step().float_or("beta", 0.75f);
  const double bias = context.step().float_or("bias", 1.0f);
  std::vector<float> values;
  values.reserve(input.size());
  for (std::int64_t n = 0; n < dims[0]; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < inner; ++i) {
        const auto at = [&](std::int64_t channel) -> double {
          return input[static_cast<std::size_t>((n * channels + channel) * inner + i)];
        };
        const std::int64_t first = std::max<std::int64_t>(0, c - (size - 1) / 2);
        const std::int64_t last = std::min(channels - 1, c + size / 2);
        double squares = 0;
        for (std::int64_t neighbour = first; neighbour <= last; ++neighbour) squares += at(neighbour) * at(neighbour);
        const double divisor = std::pow(bias + alpha / static_cast<double>(size) * squares, beta);
        values.push_back(static_cast<float>(at(c) / divisor));
      }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
