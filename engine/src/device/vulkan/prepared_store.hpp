// What preparations make of constants, kept for all specialisations that need the same.
#pragma once

#include <string>

#include "device/vulkan/bound_dispatches.hpp"

namespace troupe::vulkan {

/// What the preparation that writes a slot computes, as a key: equal keys mean equal contents. By slot.
std::map<std::uint32_t, std::string> preparation_keys(const lowered_graph& work);

/// Prepared memory by key. Must not outlive its `gpu`.
class prepared_store {
public:
  /// Nullptr when there is none.
  const memory_region* find(const std::string& key) const;
  /// Takes memory whose contents are on their way: everything submitted from now on finds them there.
  void keep(std::vector<buffer> blocks, std::map<std::string, memory_region> regions);
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  std::vector<buffer> blocks_;
  std::map<std::string, memory_region> regions_;
  std::uint64_t bytes_ = 0;
};

}  // namespace troupe::vulkan
