// Which part of a matrix Trilu keeps.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

struct triangle {
  bool upper = true;
  std::int64_t diagonal = 0;  ///< columns to the right of the main one; at most the matrix's size away

  bool keeps(std::int64_t row, std::int64_t column) const noexcept {
    return upper ? column - row >= diagonal : column - row <= diagonal;
  }
};

/// Operand 0 must have rank 2 at least.
result<triangle> read_trilu(const node_view& view);

}  // namespace troupe
