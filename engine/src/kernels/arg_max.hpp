// What ArgMax, ArgMin, Hardmax and TopK look for along an axis.
#pragma once

#include <cmath>

namespace troupe {

/// True when `a` is to be preferred to `b`. A NaN is preferred to every number, as numpy has it, and ties are nobody's.
template <class T>
bool is_better(T a, T b, bool largest) {
  if (a != a) return b == b;
  return largest ? a > b : a < b;
}

}  // namespace troupe
