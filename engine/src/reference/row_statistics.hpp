// Mean and spread of a row, for the reference definitions of the normalisations.
#pragma once

#include <cmath>
#include <span>

namespace troupe {

struct row_statistics {
  double mean = 0;
  double factor = 0;  ///< 1 / sqrt(mean of squares around `mean` + epsilon)
};

/// Without `centered`, `mean` is 0.
inline row_statistics statistics_of(std::span<const float> row, double epsilon, bool centered) {
  row_statistics made;
  const auto length = static_cast<double>(row.size());
  if (centered)
    for (const float value : row) made.mean += value / length;
  double squares = 0;
  for (const float value : row) squares += (value - made.mean) * (value - made.mean) / length;
  made.factor = 1 / std::sqrt(squares + epsilon);
  return made;
}

}  // namespace troupe
