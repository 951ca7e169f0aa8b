// Shorthands for tests: unwrapping results with the error shown, and seeded inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "support/catch.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/engine/tensor.hpp"

namespace troupe::test {

/// The value; a failed test with the error's text when there is none.
template <class T>
T need(result<T> outcome) {
  if (!outcome) FAIL(outcome.error().to_string());
  return std::move(outcome).value();
}
inline void need(result<void> outcome) {
  if (!outcome) FAIL(outcome.error().to_string());
}

/// splitmix64: the same numbers with every standard library.
class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// Uniform in [low, high).
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(static_cast<double>(next() >> 11) * 0x1p-53);
  }

private:
  std::uint64_t state_;
};

inline tensor random_tensor(const shape& dims, std::uint64_t seed, float low = -1.0f, float high = 1.0f) {
  tensor made = need(tensor::make(dtype::f32, dims));
  random_source random(seed);
  for (float& element : made.as_mutable<float>()) element = random.uniform(low, high);
  return made;
}

}  // namespace troupe::test
