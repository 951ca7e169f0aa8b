// Command pools and buffers.
#pragma once

#include "device/vulkan/gpu.hpp"

namespace troupe::vulkan {

result<unique_command_pool> make_command_pool(gpu& owner);
/// `count` command buffers that live as long as their pool.
result<std::vector<VkCommandBuffer>> make_command_buffers(gpu& owner, VkCommandPool pool, std::size_t count);
/// Starts recording; `once`: the commands are submitted a single time.
result<void> begin(gpu& owner, VkCommandBuffer commands, bool once);
result<void> end(gpu& owner, VkCommandBuffer commands);

/// What a barrier orders: everything recorded before it is finished, and its writes seen, before anything after it.
enum class barrier_scope : std::uint8_t {
  device,  ///< kernels and copies
  host,    ///< also makes what the device wrote visible to the host; for the end of a submission
};
void record_barrier(VkCommandBuffer commands, barrier_scope scope);

}  // namespace troupe::vulkan
