#include "device/vulkan/commands.hpp"

namespace troupe::vulkan {

result<unique_command_pool> make_command_pool(gpu& owner) {
  auto info = vk_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  info.queueFamilyIndex = owner.queue_family();
  VkCommandPool made = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateCommandPool, owner.handle(), &info, nullptr, &made));
  return unique_command_pool(owner, made);
}

result<std::vector<VkCommandBuffer>> make_command_buffers(gpu& owner, VkCommandPool pool, std::size_t count) {
  std::vector<VkCommandBuffer> made(count, VK_NULL_HANDLE);
  if (count == 0) return made;
  auto info = vk_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = static_cast<std::uint32_t>(count);
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkAllocateCommandBuffers, owner.handle(), &info, made.data()));
  return made;
}

result<void> begin(gpu& owner, VkCommandBuffer commands, bool once) {
  auto info = vk_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  if (once) info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkBeginCommandBuffer, commands, &info));
  return {};
}

result<void> end(gpu& owner, VkCommandBuffer commands) {
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkEndCommandBuffer, commands));
  return {};
}

void record_barrier(VkCommandBuffer commands, barrier_scope scope) {
  constexpr VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  auto barrier = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  const bool to_host = scope == barrier_scope::host;
  barrier.dstAccessMask = to_host ? VkAccessFlags{VK_ACCESS_HOST_READ_BIT}
                                  : VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                        VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  vkCmdPipelineBarrier(commands, stages, to_host ? VkPipelineStageFlags{VK_PIPELINE_STAGE_HOST_BIT} : stages, 0, 1,
                       &barrier, 0, nullptr, 0, nullptr);
}

}  // namespace troupe::vulkan
