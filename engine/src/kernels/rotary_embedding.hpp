// What a RotaryEmbedding turns by which angle.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Element (image, head, position, d) of the operand is at image * strides[0] + head * strides[1] + position *
/// strides[2] + d. Of each head the first `rotated` elements are turned in pairs: neighbours, when `interleaved`, else
/// those half of `rotated` apart.
struct rotary_plan {
  std::int64_t batch = 0, heads = 0, positions = 0, head_size = 0, rotated = 0;
  std::int64_t strides[3] = {};
  bool interleaved = false;
  bool chosen_positions = false;  ///< operand 3 says which rows of the tables belong to a position
  std::int64_t table_rows = 0;
};

/// Operands: 0 X, 1 cosines, 2 sines, 3 positions [batch, positions].
result<rotary_plan> read_rotary(const node_view& view);

}  // namespace troupe
