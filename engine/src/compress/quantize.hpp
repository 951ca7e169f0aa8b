// Numbers in fewer bits.
#pragma once

#include <span>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// A matrix or higher in eight bits, symmetric, with one scale for each index along `axis`.
struct int8_weights {
  tensor values;              ///< int8, shaped as the original
  std::vector<float> scales;  ///< one for each index along the axis; 1 where all weights are zero
  double error_max = 0;       ///< relative to the largest weight
};

/// `weights` is float32 without NaN or infinity; `invalid_argument` otherwise.
result<int8_weights> quantize_int8(const tensor& weights, std::size_t axis);

}  // namespace troupe
