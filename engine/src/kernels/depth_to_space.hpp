// DepthToSpace and SpaceToDepth: blocks of positions become channels and the other way round.
#pragma once

#include "kernels/strided.hpp"

namespace troupe {

struct block_shuffle {
  shape output;
  /// Over the result, row-major; `first` is the operand, `second` the result.
  strided_walk walk;
};

/// For an operand [N, C, H, W]; the error names what is wrong.
result<block_shuffle> block_shuffle_of(const node& step, const shape& dims);

}  // namespace troupe
