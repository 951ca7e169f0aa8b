// A sliding window as shaders/include/window.glsl takes it in push constants.
#pragma once

#include "kernels/sliding_window.hpp"

namespace troupe {

struct window_parameters {
  std::int32_t input[3], output[3], kernel[3], stride[3], dilation[3], pad[3];  // each z, y, x
};

/// Fails when a position in the padded input would not fit the shaders' 32-bit integers.
result<window_parameters> window_parameters_of(const node& step, const sliding_window& window);

}  // namespace troupe
