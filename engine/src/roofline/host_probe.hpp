// The limits of the host's processor.
#pragma once

#include "troupe/engine/roofline.hpp"

namespace troupe {

/// With `threads` threads at once.
result<roofline> measure_host(unsigned threads);

}  // namespace troupe
