// Checks that many operators share: what arithmetic accepts, and what 32-bit indices on a device can reach.
#pragma once

#include <initializer_list>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Fails unless operands [0, count) that are present are all of one floating-point type.
result<void> expect_same_float(const infer_context& context, std::size_t count);

/// Fails when a tensor of this node has so many elements that a kernel's 32-bit indices cannot count them. Kernels
/// index with uint32 because every GPU has it; 2^31 elements are 4 GiB of fp16, beyond one binding of most devices.
result<void> expect_indexable(const lowering_context& context, std::initializer_list<std::size_t> inputs);

/// For a value that the checks above have bounded.
constexpr std::uint32_t as_u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

}  // namespace troupe
