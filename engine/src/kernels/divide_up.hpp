// How many pieces of one size hold something.
#pragma once

#include <cstdint>

namespace troupe {

/// The quotient, rounded up; `value` >= 0 and `divisor` > 0.
constexpr std::int64_t divide_up(std::int64_t value, std::int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

}  // namespace troupe
