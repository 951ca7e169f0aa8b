// The shape that MaxUnpool's indices refer to.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// From kernel, strides and pads; a requested output shape is at least as large.
result<shape> unpooled_shape(const node& step, const shape& pooled);

}  // namespace troupe
