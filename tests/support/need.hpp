// Unwraps results where an error means that the test, the benchmark or the fuzzer itself is broken.
#pragma once

#include <stdexcept>
#include <utility>

#include "troupe/engine/result.hpp"

namespace troupe::test {

/// The value; throws, which fails the test with the error's text, when there is none.
template <class T>
T need(result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().to_string());
  return std::move(outcome).value();
}
inline void need(result<void> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().to_string());
}

}  // namespace troupe::test
