// The compute kernels as SPIR-V, compiled when Troupe is built and embedded in the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe::shaders {

/// The SPIR-V words of kernel `name` (`shaders/ops/NAME.comp`), which live as long as the process; empty when there is
/// no such kernel. Every kernel exists in two variants: activations stored as binary16, or as binary32.
std::span<const std::uint32_t> find(std::string_view name, bool f16_storage) noexcept;

/// Names of all kernels, in alphabetical order.
std::span<const std::string_view> names() noexcept;

}  // namespace troupe::shaders
