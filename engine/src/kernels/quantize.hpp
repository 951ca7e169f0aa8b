// What QuantizeLinear and its relatives share: which scale and zero point belong to an element, and how a value becomes
// an integer.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// One scale for a whole tensor, for each index along an axis, or for each block of neighbours along an axis.
struct quantization_plan {
  bool whole = true;
  std::int64_t inner = 1;   ///< elements between neighbours along the axis
  std::int64_t extent = 1;  ///< of the axis
  std::int64_t block = 0;   ///< neighbours that share a scale; 0 when everything at an index along the axis does
  std::int64_t blocks = 1;  ///< along the axis

  /// The place of the scale of element i.
  std::size_t scale_of(std::size_t i) const noexcept;
};

/// For attributes `axis` and `block_size`, a tensor of shape `data` and its scales; the error names what does not fit.
result<quantization_plan> read_quantization(const node& step, const shape& data, const shape& scales);

/// True for the integer types of ONNX's quantised tensors that exist here: int8, uint8, int16, uint16.
bool is_quantized(dtype type) noexcept;

/// x rounded to nearest, ties to even, plus the zero point, saturated to the range of `type`; NaN gives the zero point.
std::int64_t quantized(double x, std::int64_t zero_point, dtype type) noexcept;

}  // namespace troupe
