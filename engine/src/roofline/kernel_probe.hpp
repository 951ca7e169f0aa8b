// The limits of a device, by kernels.
#pragma once

#include "troupe/engine/roofline.hpp"

namespace troupe {

/// Measures any device that has kernels and a clock.
result<roofline> measure_by_kernels(std::string_view selector, const device_options& options);

}  // namespace troupe
