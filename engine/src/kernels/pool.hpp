// What MaxPool and AveragePool see through their windows.
#pragma once

#include "kernels/sliding_window.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

struct pool_shape {
  sliding_window window;
  std::int64_t planes = 0;  ///< batch times channels; planes do not mix
};

/// For an input [N, C, spatial...]; the error names what is wrong.
result<pool_shape> pool_shape_of(const node& step, const shape& input);

/// For an operator that makes one element of every plane of [N, C, spatial...]: [N, C, 1...], of the same type.
result<void> infer_global_pool(infer_context& context);

/// Taps of the window at output position `at` that lie on the input or its padding: what count_include_pad divides by.
std::int64_t padded_taps(const sliding_window& window, const sliding_window::extents& at);

}  // namespace troupe
