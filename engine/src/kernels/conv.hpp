// What a Conv computes, from its operands and attributes.
#pragma once

#include "kernels/sliding_window.hpp"

namespace troupe {

struct conv_shape {
  sliding_window window;
  std::int64_t batch = 0;
  std::int64_t groups = 1;
  std::int64_t group_inputs = 0;   ///< input channels of one group
  std::int64_t group_outputs = 0;  ///< output channels of one group
};

/// For an input [N, C, spatial...] and weights [M, C / groups, kernel...]; the error names what does not fit.
result<conv_shape> conv_shape_of(const node& step, const shape& input, const shape& weights);

}  // namespace troupe
