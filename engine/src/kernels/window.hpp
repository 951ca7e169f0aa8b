// Window functions for signals.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// a - b cos(2 pi n / N) + c cos(4 pi n / N), for n from 0 to size - 1.
struct window_function {
  double a, b, c;
};

/// For BlackmanWindow, HammingWindow and HannWindow.
window_function window_function_of(std::string_view op);

}  // namespace troupe
