// Einstein's sums: which axes of which operands an equation runs over together.
#pragma once

#include <array>
#include <vector>

#include "kernels/node_view.hpp"

namespace troupe {

/// One operand as the labels see it. An axis that a label walks more than once (a diagonal) counts with the sum of its
/// strides; a label that the operand lacks, or has with extent 1 where others have more, with 0.
struct einsum_operand {
  std::vector<std::int64_t> strides;  ///< for each label
  std::vector<bool> has;              ///< the operand's extent along the label is the label's
};

/// result[kept labels] = sum over the other labels of the product of all operands.
struct einsum_plan {
  std::vector<std::int64_t> extents;  ///< of each label; those that are kept come first, in the result's order
  std::size_t kept = 0;
  std::vector<einsum_operand> operands;
  shape output;
};

/// Reads the attribute `equation` with "..." and without, with "->" and without, for the operands' shapes.
result<einsum_plan> read_einsum(const node_view& view, std::size_t operand_count);

}  // namespace troupe
