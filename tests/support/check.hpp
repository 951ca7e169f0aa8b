// Shorthands for tests: unwrapping results with the error shown, and seeded inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "support/catch.hpp"
#include "support/random_source.hpp"
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

inline tensor random_tensor(const shape& dims, std::uint64_t seed, float low = -1.0f, float high = 1.0f) {
  tensor made = need(tensor::make(dtype::f32, dims));
  random_source random(seed);
  for (float& element : made.as_mutable<float>()) element = random.uniform(low, high);
  return made;
}

}  // namespace troupe::test
