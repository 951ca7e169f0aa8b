#include "kernels/conv.hpp"

#include "kernels/activation.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// One output element: the sum over all taps inside the input and all channels of the group.
double convolve_at(const conv_shape& conv, const float* input, const float* weights,
                   const sliding_window::extents& at) {
  const sliding_window& window = conv.window;
  const std::int64_t plane = window.input_plane();
  double sum = 0;
  std::int64_t tap = 0;
  for (std::int64_t a = 0; a < window.kernel[0]; ++a)
    for (std::int64_t b = 0; b < window.kernel[1]; ++b)
      for (std::int64_t c = 0; c < window.kernel[2]; ++c, ++tap) {
        const std::int64_t z = window.source(0, at[0], a);
        const std::int64_t y = window.source(1, at[1], b);
        const std::int64_t x = window.source(2, at[2], c);
        if (z < 0 || z >= window.input[0] || y < 0 || y >= window.input[1] || x < 0 || x >= window.input[2]) continue;
        const std::int64_t position = (z * window.input[1] + y) * window.input[2] + x;
        for (std::int64_t channel = 0; channel < conv.group_inputs; ++channel)
          sum += static_cast<double>(input[channel * plane + position]) * weights[channel * window.taps() + tap];
      }
  return sum;
}

}  // namespace

result<void> conv_reference(reference_context& context) {
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input(0).dims(), context.input(1).dims()));
  TROUPE_TRY(const auto input, context.input_floats(0));
  TROUPE_TRY(const auto weights, context.input_floats(1));
  std::vector<float> bias;
  if (context.has_input(2)) {
    TROUPE_TRY(bias, context.input_floats(2));
  }
  std::vector<float> residual;
  if (context.has_input(fused::residual_operand)) {
    TROUPE_TRY(residual, context.input_floats(fused::residual_operand));
  }
  TROUPE_TRY(const activation ending, activation_of(context.step()));
  const sliding_window& window = conv.window;
  const std::int64_t outputs = conv.groups * conv.group_outputs;
  const std::int64_t group_input = conv.group_inputs * window.input_plane();
  const std::int64_t filter = conv.group_inputs * window.taps();
  std::vector<float> result_values;
  result_values.reserve(context.output(0).elements());
  for (std::int64_t n = 0; n < conv.batch; ++n)
    for (std::int64_t m = 0; m < outputs; ++m) {
      const float* source = input.data() + (n * conv.groups + m / conv.group_outputs) * group_input;
      const double start = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(m)];
      for (std::int64_t a = 0; a < window.output[0]; ++a)
        for (std::int64_t b = 0; b < window.output[1]; ++b)
          for (std::int64_t c = 0; c < window.output[2]; ++c) {
            double sum = start + convolve_at(conv, source, weights.data() + m * filter, {a, b, c});
            if (!residual.empty()) sum += static_cast<double>(residual[result_values.size()]);
            result_values.push_back(static_cast<float>(apply(ending, sum)));
          }
    }
  return context.set_output_floats(0, result_values);
}

}  // namespace troupe
