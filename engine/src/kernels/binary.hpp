// Functions of two values with broadcasting: which operator names which.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Numbered as in binary.comp.
enum class binary_function : std::uint32_t {
  add = 0,
  sub = 1,
  mul = 2,
  div = 3,
  pow = 4,
  prelu = 5,
  min = 6,
  max = 7,
  average = 8,       ///< (a + b) / n: the last step of Mean over n operands; the steps before it add
  floor_modulo = 9,  ///< the remainder has the divisor's sign
  fmod = 10,         ///< the remainder has the dividend's sign, as C's fmod
};

/// For Add, Sub, Mul, Div, Mod, Pow, PRelu; Sum and its like (Min, Max, Mean) apply theirs from left to right.
binary_function binary_function_of(const node& step);

}  // namespace troupe
