#include "kernels/conv_transpose.hpp"

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// Adds `value` times one filter around the position `at` of the operand.
void scatter(const sliding_window& window, const sliding_window::extents& at, double value, const float* filter,
             double* plane) {
  std::int64_t tap = 0;
  for (std::int64_t a = 0; a < window.kernel[0]; ++a)
    for (std::int64_t b = 0; b < window.kernel[1]; ++b)
      for (std::int64_t c = 0; c < window.kernel[2]; ++c, ++tap) {
        const std::int64_t z = window.source(0, at[0], a);
        const std::int64_t y = window.source(1, at[1], b);
        const std::int64_t x = window.source(2, at[2], c);
        if (z < 0 || z >= window.input[0] || y < 0 || y >= window.input[1] || x < 0 || x >= window.input[2]) continue;
        plane[(z * window.input[1] + y) * window.input[2] + x] += value * filter[tap];
      }
}

}  // namespace

result<void> conv_transpose_reference(reference_context& context) {
  TROUPE_TRY(const auto conv,
             conv_transpose_shape_of(context.step(), context.input(0).dims(), context.input(1).dims()));
  TROUPE_TRY(const auto input, context.input_floats(0));
  TROUPE_TRY(const auto weights, context.input_floats(1));
  std::vector<float> bias;
  if (context.has_input(2)) {
    TROUPE_TRY(bias, context.input_floats(2));
  }
  const sliding_window& window = conv.window;
  const std::int64_t plane = window.input_plane();
  const std::int64_t outputs = conv.groups * conv.group_outputs;
  std::vector<double> sums(context.output(0).elements());
  std::size_t i = 0;  // of the input
  for (std::int64_t n = 0; n < conv.batch; ++n)
    for (std::int64_t channel = 0; channel < conv.groups * conv.group_inputs; ++channel)
      for (std::int64_t a = 0; a < window.output[0]; ++a)
        for (std::int64_t b = 0; b < window.output[1]; ++b)
          for (std::int64_t c = 0; c < window.output[2]; ++c, ++i)
            for (std::int64_t m = 0; m < conv.group_outputs; ++m) {
              const std::int64_t output = channel / conv.group_inputs * conv.group_outputs + m;
              scatter(window, {a, b, c}, input[i], weights.data() + (channel * conv.group_outputs + m) * window.taps(),
                      sums.data() + (n * outputs + output) * plane);
            }
  std::vector<float> values(sums.size());
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const std::size_t channel = k / static_cast<std::size_t>(plane) % static_cast<std::size_t>(outputs);
    values[k] = static_cast<float>(sums[k] + (bias.empty() ? 0.0f : bias[channel]));
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
