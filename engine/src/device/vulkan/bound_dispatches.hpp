// Dispatches with their operands bound to memory, ready to be recorded.
#pragma once

#include "device/lowering/lowered_graph.hpp"
#include "device/vulkan/pipelines.hpp"
#include "device/vulkan/weights.hpp"

namespace troupe::vulkan {

/// Where the slots of a lowered graph are.
struct memory_map {
  std::vector<memory_region> regions;  ///< by root slot
  VkBuffer arena = VK_NULL_HANDLE;
  VkBuffer staging = VK_NULL_HANDLE;  ///< null when the host reaches the arena directly
  std::vector<VkBuffer> states;       ///< one for each of `lowered_graph::device_states`
};

inline const memory_region& region_of(const lowered_graph& work, const memory_map& memory, std::uint32_t slot) {
  return memory.regions[work.slots[slot].root];
}

/// What an operand binds, in whole 16-byte words.
memory_region bound_region(const lowered_graph& work, const memory_map& memory, const dispatch_operand& operand);

/// One descriptor set for each dispatch, from a pool of exactly their size.
struct bound_dispatches {
  std::vector<unique_buffer_view> views;  ///< of texel buffers
  unique_descriptor_pool pool;
  std::vector<VkDescriptorSet> sets;
};

/// Binds the operands of `steps`, whose layouts must be in `pipelines`.
result<bound_dispatches> bind_dispatches(gpu& owner, const lowered_graph& work, const memory_map& memory,
                                         const pipeline_set& pipelines, std::span<const dispatch* const> steps);

/// Records one dispatch with `groups` workgroups in place of its own.
void record_dispatch(VkCommandBuffer commands, const dispatch& work, const pipeline_set& pipelines, VkDescriptorSet set,
                     std::array<std::uint32_t, 3> groups);

}  // namespace troupe::vulkan
