// Rows brought to unit size, the work that LayerNormalization, RMSNormalization, InstanceNormalization and
// GroupNormalization share on a device.
#pragma once

#include <optional>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// A factor or an offset for every element: that of element i in row r is element (r * row + i / inner) % count.
struct row_pattern {
  dispatch_operand operand;
  std::int64_t row = 0, inner = 1, count = 1;
};

/// y = (x - mean) / sqrt(mean of (x - mean)^2 + epsilon) * scale + offset for each row of a dense operand.
struct row_normalization {
  dispatch_operand source, target;
  std::int64_t rows = 0, length = 0;
  bool centered = true;  ///< false: 0 stands for the mean
  float epsilon = 0;
  std::optional<row_pattern> scale, offset;
  /// Of each row: its mean, and the factor 1 / sqrt(...).
  std::optional<dispatch_operand> means, factors;
};

/// Appends the dispatch. Every element count must already be known to fit `expect_indexable`.
result<void> add_row_normalization(lowering_context& context, const row_normalization& work);

/// True when the eight invocations of a subgroup should share a row of `length`, each pass of `passes` over it: on
/// software devices, unless the row is so long that they would meet the driver's limit of rounds. Decided by the length
/// alone, so that a row's bits do not depend on its batch.
bool is_subgroup_row(const device_traits& traits, std::int64_t length, bool wide, std::int64_t passes);

/// The longest row that a workgroup can share: Mesa 22.3 ends an invocation's loops after 65,535 rounds in all.
std::int64_t row_length_max(bool wide, std::int64_t passes);

}  // namespace troupe
