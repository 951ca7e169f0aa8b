#include "step_times.hpp"

#include <algorithm>

namespace troupe {

double step_times::median() const {
  auto sorted = latest_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(steps_, sorted.size()) / 2);
  std::nth_element(sorted.begin(), middle,
                   sorted.begin() + static_cast<std::ptrdiff_t>(std::min(steps_, sorted.size())));
  return steps_ == 0 ? 0 : *middle;
}

}  // namespace troupe
