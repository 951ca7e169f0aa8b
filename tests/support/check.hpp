// What nearly every test needs: Catch2, unwrapping of results, seeded inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "support/catch.hpp"
#include "support/need.hpp"
#include "support/random_source.hpp"
#include "troupe/engine/tensor.hpp"

namespace troupe::test {

inline tensor random_tensor(const shape& dims, std::uint64_t seed, float low = -1.0f, float high = 1.0f) {
  tensor made = need(tensor::make(dtype::f32, dims));
  random_source random(seed);
  for (float& element : made.as_mutable<float>()) element = random.uniform(low, high);
  return made;
}

}  // namespace troupe::test
