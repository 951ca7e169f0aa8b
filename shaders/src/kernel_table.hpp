// What the generated table gives to the lookup.
#pragma once

#include <array>

#include "troupe/shaders/shaders.hpp"

namespace troupe::shaders {

/// The two variants of one kernel, at the position of its name in `names()`.
struct kernel {
  const std::span<const std::uint32_t>*f16, *f32;
};

std::span<const kernel> kernels() noexcept;

}  // namespace troupe::shaders
