// The Reduce family: which operator names which function, which axes it removes, and how a device shares the work.
#pragma once

#include <array>
#include <span>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Numbered as in reduction.glsl.
enum class reduction_function : std::uint32_t {
  mean = 0,
  sum = 1,
  maximum = 2,
  minimum = 3,
  product = 4,
  l1 = 5,  ///< the sum of absolute values
  l2 = 6,  ///< the square root of the sum of squares
  sum_square = 7,
  log_sum = 8,
  log_sum_exp = 9,
};

struct reduction_kind {
  std::string_view op;
  reduction_function function;
  int axes_operand_since;  ///< opset in which the attribute `axes` became an operand
};

/// Nullptr for an operator that is not one of this family.
const reduction_kind* find_reduction(std::string_view op);

struct reduction {
  std::array<bool, limits::rank_max> reduced{};
  std::int64_t length = 1;  ///< elements that become one
  shape output;             ///< reduced axes have extent 1, or are left out without keepdims
  bool keeps_all = false;   ///< no axis at all: the operand itself
};

/// An empty list of axes means every axis, or none when noop_with_empty_axes is set.
result<reduction> reduction_of(const node& step, const shape& dims, std::span<const std::int64_t> axes);

/// Appends the dispatches that reduce the axes of operand 0 that `reduced` marks to output 0, `length` elements to one.
result<void> add_reduction(lowering_context& context, reduction_function function,
                           const std::array<bool, limits::rank_max>& reduced, std::int64_t length);

/// True when a workgroup should share one reduction of this length instead of leaving it to one invocation. Decided by
/// the length alone, so that a row's bits do not depend on its batch.
bool is_cooperative(const device_traits& traits, std::int64_t length);

/// True when the eight invocations of a subgroup should share a row: on a software device, whose workgroups switch stacks
/// at barriers.
constexpr bool subgroups_share_rows(const device_traits& traits) noexcept {
  return traits.software && traits.subgroup_size == 8 && traits.subgroup_arithmetic;
}

}  // namespace troupe
