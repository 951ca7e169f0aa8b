// Summaries of repeated measurements.
#pragma once

#include <algorithm>
#include <vector>

namespace troupe::app {

/// Of at least one sample.
inline double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t half = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}

}  // namespace troupe::app
