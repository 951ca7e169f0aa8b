// States of a graph in device memory: what a program keeps from run to run.
#pragma once

#include <map>
#include <string_view>

#include "device/vulkan/weights.hpp"

namespace troupe::vulkan {

/// A buffer for each state, shared by all specialisations of a program. Must not outlive its `gpu`.
class state_store {
public:
  explicit state_store(std::shared_ptr<gpu> owner) : owner_(std::move(owner)) {}

  /// Where the state is; the first time, makes room for `bytes`, filled with zeros before anything submitted later runs.
  result<memory_region> place(value_id id, std::uint64_t bytes, std::string_view name);
  std::uint64_t bytes() const noexcept;

private:
  std::shared_ptr<gpu> owner_;
  std::map<value_id, buffer> held_;
};

}  // namespace troupe::vulkan
