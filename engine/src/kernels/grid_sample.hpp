// How GridSample reads between and beyond pixels.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

enum class sample_mode { linear, nearest, cubic };
enum class sample_padding { zeros, border, reflection };

struct grid_sampling {
  sample_mode mode = sample_mode::linear;
  sample_padding padding = sample_padding::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres of the outermost pixels instead of their edges
};

result<grid_sampling> read_grid_sample(const node& step);

}  // namespace troupe
