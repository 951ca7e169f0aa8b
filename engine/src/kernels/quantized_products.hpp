// MatMulInteger, QLinearMatMul, ConvInteger and QLinearConv: where their operands are.
#pragma once

#include <optional>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// The plain integer operators have their zero points last and none for the result, which is int32; the others have a
/// scale and a zero point behind each tensor.
struct product_operands {
  bool is_convolution, is_scaled;
  std::size_t left = 0, right, left_zero, right_zero;
  // Only when scaled.
  std::size_t left_scale = 1, right_scale = 4, scale = 6, zero = 7, bias = 8;
};

product_operands product_operands_of(const node& step);

}  // namespace troupe
