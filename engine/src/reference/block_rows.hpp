// Rows of weights in block formats, as floats, for the reference definitions.
#pragma once

#include "kernels/linear_shape.hpp"

namespace troupe {

/// Writes row `row` of the weight, which must exist, to `values`, which has as many elements.
result<void> expand_row(const reference_context& context, const block_matrix& matrix, std::int64_t row,
                        std::span<float> values);

/// A sum of products of fp32 in double: exact enough to be rounded once, at the end.
double dot(const float* a, const float* b, std::size_t count);

}  // namespace troupe
