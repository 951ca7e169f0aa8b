#include "troupe/shaders/shaders.hpp"

#include <algorithm>

#include "kernel_table.hpp"

namespace troupe::shaders {

std::span<const std::uint32_t> find(std::string_view name, bool f16_storage) noexcept {
  const auto all = names();
  const auto found = std::lower_bound(all.begin(), all.end(), name);
  if (found == all.end() || *found != name) return {};
  const kernel& variants = kernels()[static_cast<std::size_t>(found - all.begin())];
  return f16_storage ? *variants.f16 : *variants.f32;
}

}  // namespace troupe::shaders
