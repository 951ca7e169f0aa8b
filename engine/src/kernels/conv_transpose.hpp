// What a ConvTranspose computes, from its operands and attributes.
#pragma once

#include "kernels/sliding_window.hpp"

namespace troupe {

/// `window` is that of the convolution whose transpose this is: it slides over the result (`window.input`) and has one
/// position for each element of the operand (`window.output`).
struct conv_transpose_shape {
  sliding_window window;
  std::int64_t batch = 0;
  std::int64_t groups = 1;
  std::int64_t group_inputs = 0;   ///< input channels of one group
  std::int64_t group_outputs = 0;  ///< output channels of one group
  shape output;
};

/// For an input [N, C, spatial...] and weights [C, M / groups, kernel...]; the error names what does not fit.
result<conv_transpose_shape> conv_transpose_shape_of(const node& step, const shape& input, const shape& weights);

}  // namespace troupe
