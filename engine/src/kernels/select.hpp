// Operators whose result is as large as the contents of an operand say.
#pragma once

#include <optional>
#include <vector>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Indices of the elements of a boolean list that are true, among the first `extent`.
std::vector<std::int64_t> true_places(const tensor& condition, std::int64_t extent);

/// The axis that Compress and Unique work along; nothing when they take the operand as one list.
result<std::optional<std::size_t>> selection_axis(const node& step, std::size_t rank);

/// The distinct slices of a tensor along an axis, or its distinct elements.
struct distinct_slices {
  std::vector<std::int64_t> first;   ///< for each: the slice that is the first of its kind
  std::vector<std::int64_t> counts;  ///< for each: how many there are
  std::vector<std::int64_t> kinds;   ///< for every slice: which of the distinct ones it is
};

/// In ascending order, or in that of their first appearance when the node says `sorted = 0`.
result<distinct_slices> find_distinct(const node& step, const tensor& data);

}  // namespace troupe
