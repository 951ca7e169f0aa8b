// Operands that hold indices: what inference checks before the run, and references when they read them.
#pragma once

#include <vector>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Fails unless operand i is int32 or int64.
result<void> expect_indices(const infer_context& context, std::size_t i);

/// The index in [0, extent) that `index` in [-extent, extent) means, or an error.
result<std::int64_t> normalize_index(const node& step, std::int64_t index, std::int64_t extent);

/// Fails for an index outside [-extent, extent) in operand i, when its contents are known.
result<void> check_known_indices(const infer_context& context, std::size_t i, std::int64_t extent);

}  // namespace troupe
