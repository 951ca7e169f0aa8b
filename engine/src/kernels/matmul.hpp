// What MatMul multiplies: the numpy rules as extents and strides.
#pragma once

#include <array>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// A batch of matrix products [rows, inner] x [inner, columns], over row-major operands. Strides are in elements; 0
/// along a batch axis that is broadcast.
struct matmul_shape {
  std::int64_t rows = 1, inner = 1, columns = 1;
  shape batch;
  std::array<std::int64_t, limits::rank_max> left_strides{}, right_strides{};
  shape output;  ///< batch axes, then rows and columns, without the ones that a 1-D operand lacks
};

result<matmul_shape> matmul_shape_of(const node& step, const shape& left, const shape& right);

/// [rows, inner] x [inner, columns] of a Gemm after its transpositions.
struct gemm_shape {
  bool transposed_left = false, transposed_right = false;
  std::int64_t rows = 0, inner = 0, columns = 0;
  /// Element strides of the operand C, 0 where it is broadcast.
  std::int64_t addend_row_stride = 0, addend_column_stride = 0;
};

/// `addend` is operand C, nullptr when omitted.
result<gemm_shape> gemm_shape_of(const node& step, const shape& left, const shape& right, const shape* addend);

}  // namespace troupe
