// Random numbers by position instead of by order: what one of them is used for does not change the others.
#pragma once

#include <cstdint>

#include "../random_number.hpp"

namespace troupe::chaos {

/// The number of (seed, first, second).
inline std::uint64_t random_at(std::uint64_t seed, std::uint64_t first, std::uint64_t second) {
  std::uint64_t state = seed;
  state = next_random(state) ^ first;
  state = next_random(state) ^ second;
  return next_random(state);
}

/// Below `bound`, which is not 0. Not exactly uniform, by less than 2^-32 for the bounds used here.
inline std::uint64_t random_below(std::uint64_t bound, std::uint64_t seed, std::uint64_t first, std::uint64_t second) {
  return random_at(seed, first, second) % bound;
}

}  // namespace troupe::chaos
