// The value of a Constant.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// From whichever of its attributes `step` has: value, value_float(s) or value_int(s).
result<tensor> read_constant(const node& step);

}  // namespace troupe
