// How RoiAlign samples the regions of an image.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

struct roi_alignment {
  std::int64_t height = 1, width = 1;  ///< of each result
  std::int64_t samples = 0;            ///< per axis and bin; 0: as many as a bin has pixels
  double scale = 1;                    ///< from the regions' coordinates to pixels
  bool takes_maximum = false;
  bool half_pixel = true;  ///< pixel i is centred at i + 0.5, and regions may be smaller than a pixel
};

result<roi_alignment> read_roi_align(const node& step);

}  // namespace troupe
