// How much arithmetic a node stands for, whatever computes it.
#pragma once

#include <cstdint>
#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Multiply-adds of the operators that have many for each element of their result; 0 for the others. `dims` has the
/// shape of every value of the graph.
std::uint64_t multiply_adds(const node& step, const std::vector<shape>& dims);

/// Arithmetic operations: two for each multiply-add, otherwise one for each element of the results.
std::uint64_t operations_of(const node& step, const std::vector<shape>& dims);

}  // namespace troupe
