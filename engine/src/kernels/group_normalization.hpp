// Channels that are brought to unit size together: InstanceNormalization (each alone) and GroupNormalization.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

struct group_normalization {
  std::int64_t images = 0, channels = 0, positions = 0;
  std::int64_t groups = 0;      ///< of as many channels each
  bool scale_of_group = false;  ///< one factor for each group (opset 18) instead of each channel
};

/// For an operand [N, C, spatial...]; the error names what is wrong.
result<group_normalization> group_normalization_of(const node& step, const shape& dims);

}  // namespace troupe
