// The definitions of a matrix product and of a convolution, for any element type.
#pragma once

#include <vector>

#include "kernels/conv.hpp"
#include "kernels/matmul.hpp"

namespace troupe {

/// Sums are of type `Sum`; unsigned ones wrap around.
template <class Element, class Sum>
std::vector<Element> multiply(const matmul_shape& product, const Element* left, const Element* right) {
  std::vector<Element> values;
  values.reserve(static_cast<std::size_t>(product.output.elements()));
  const auto batch_steps = product.batch.strides();
  for (std::int64_t b = 0; b < product.batch.elements(); ++b) {
    const Element* left_matrix = left;
    const Element* right_matrix = right;
    for (std::size_t axis = 0; axis < product.batch.rank(); ++axis) {
      const std::int64_t index = b / batch_steps[axis] % product.batch[axis];
      left_matrix += index * product.left_strides[axis];
      right_matrix += index * product.right_strides[axis];
    }
    for (std::int64_t m = 0; m < product.rows; ++m)
      for (std::int64_t n = 0; n < product.columns; ++n) {
        Sum sum{};
        for (std::int64_t k = 0; k < product.inner; ++k)
          sum += static_cast<Sum>(left_matrix[m * product.inner + k]) *
                 static_cast<Sum>(right_matrix[k * product.columns + n]);
        values.push_back(static_cast<Element>(sum));
      }
  }
  return values;
}

/// One output element: the sum over all taps inside the input and all channels of the group.
template <class Element>
double convolve_at(const conv_shape& conv, const Element* input, const Element* weights,
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

/// Calls `visit(sum, channel)` for every output element, row-major.
template <class Element, class Visit>
void convolve(const conv_shape& conv, const Element* input, const Element* weights, Visit visit) {
  const sliding_window& window = conv.window;
  const std::int64_t outputs = conv.groups * conv.group_outputs;
  const std::int64_t group_input = conv.group_inputs * window.input_plane();
  const std::int64_t filter = conv.group_inputs * window.taps();
  for (std::int64_t n = 0; n < conv.batch; ++n)
    for (std::int64_t m = 0; m < outputs; ++m) {
      const Element* source = input + (n * conv.groups + m / conv.group_outputs) * group_input;
      for (std::int64_t a = 0; a < window.output[0]; ++a)
        for (std::int64_t b = 0; b < window.output[1]; ++b)
          for (std::int64_t c = 0; c < window.output[2]; ++c)
            visit(convolve_at(conv, source, weights + m * filter, {a, b, c}), m);
    }
}

}  // namespace troupe
