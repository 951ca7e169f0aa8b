// Which axes of a tensor a reduction removes, and how a device shares the work.
#pragma once

#include <array>
#include <span>

#include "troupe/engine/operator.hpp"

namespace troupe {

struct reduction {
  std::array<bool, limits::rank_max> reduced{};
  std::int64_t length = 1;  ///< elements that become one
  shape output;             ///< reduced axes have extent 1, or are left out without keepdims
  bool keeps_all = false;   ///< no axis at all: the operand itself
};

/// An empty list of axes means every axis, or none when noop_with_empty_axes is set.
result<reduction> reduction_of(const node& step, const shape& dims, std::span<const std::int64_t> axes);

/// True when a workgroup should share one reduction of this length instead of leaving it to one invocation. Decided by
/// the length alone, so that a row's bits do not depend on its batch.
bool is_cooperative(const device_traits& traits, std::int64_t length);

/// True when the eight invocations of a subgroup should share a row: on a software device, whose workgroups switch stacks
/// at barriers.
constexpr bool subgroups_share_rows(const device_traits& traits) noexcept {
  return traits.software && traits.subgroup_size == 8 && traits.subgroup_arithmetic;
}

}  // namespace troupe
