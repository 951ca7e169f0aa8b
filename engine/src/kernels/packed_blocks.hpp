// Weights in block formats as kernels read them: rearranged once, when a program is compiled, into 16-byte words of
// eight rows in turns. shaders/include/block_formats.glsl describes the words; no format grows but by the rounding of
// its header.
#pragma once

#include "kernels/linear_shape.hpp"

namespace troupe {

/// A chunk of 256 elements is a header and units of so many elements.
struct packed_format {
  std::uint32_t unit_elements, unit_words, header_words;
};
packed_format packed_format_of(block_format format) noexcept;

/// 16-byte words of one row of `inner` elements.
std::int64_t packed_row_words(block_format format, std::int64_t inner) noexcept;

/// Rows of weights of one format, packed; what begins after the last row, up to a multiple of eight, are zeros.
struct packed_rows {
  dispatch_operand operand;
  block_format format = block_format::f32;
  std::int64_t first = 0, count = 0;  ///< columns of the product that they make
  std::int64_t row_words = 0;
};

/// Appends the packing of all matrices of `linear`: neighbours of one format together, in as few parts as one binding
/// can hold.
result<std::vector<packed_rows>> pack_weights(lowering_context& context, const linear_shape& linear);

}  // namespace troupe
