// Functions of two values with broadcasting: which operator names which.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Numbered as in binary.comp.
enum class binary_function : std::uint32_t { add = 0, sub = 1, mul = 2, div = 3, pow = 4, prelu = 5, min = 6, max = 7 };

/// For Add, Sub, Mul, Div, Pow, PRelu; Sum and its like (Min, Max) apply theirs from left to right.
binary_function binary_function_of(std::string_view op);

}  // namespace troupe
