#include "device/vulkan/bound_dispatches.hpp"

#include <algorithm>

namespace troupe::vulkan {
namespace {

result<bound_dispatches> allocate_sets(gpu& owner, const pipeline_set& pipelines,
                                       std::span<const dispatch* const> steps, std::size_t operands) {
  std::vector<VkDescriptorSetLayout> layouts;
  for (const dispatch* step : steps)
    layouts.push_back(pipelines.layout(static_cast<std::uint32_t>(step->operands.size())).set.get());
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, static_cast<std::uint32_t>(operands)};
  auto pool_info = vk_struct<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  pool_info.maxSets = static_cast<std::uint32_t>(steps.size());
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateDescriptorPool, owner.handle(), &pool_info, nullptr, &pool));
  bound_dispatches made{unique_descriptor_pool(owner, pool), std::vector<VkDescriptorSet>(steps.size())};
  auto info = vk_struct<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = pool;
  info.descriptorSetCount = static_cast<std::uint32_t>(layouts.size());
  info.pSetLayouts = layouts.data();
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkAllocateDescriptorSets, owner.handle(), &info, made.sets.data()));
  return made;
}

}  // namespace

result<bound_dispatches> bind_dispatches(gpu& owner, const lowered_graph& work, const memory_map& memory,
                                         const pipeline_set& pipelines, std::span<const dispatch* const> steps) {
  if (steps.empty()) return bound_dispatches{};
  std::size_t operands = 0;
  for (const dispatch* step : steps) operands += step->operands.size();
  TROUPE_TRY(auto made, allocate_sets(owner, pipelines, steps, operands));

  std::vector<VkDescriptorBufferInfo> buffers;
  buffers.reserve(operands);  // the writes below point into it
  std::vector<VkWriteDescriptorSet> writes;
  const std::uint64_t range_max = owner.properties().limits.maxStorageBufferRange;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto write = vk_struct<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
    write.dstSet = made.sets[i];
    write.descriptorCount = static_cast<std::uint32_t>(steps[i]->operands.size());
    write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    write.pBufferInfo = buffers.data() + buffers.size();
    for (const dispatch_operand& operand : steps[i]->operands) {
      const memory_region& region = region_of(work, memory, operand.slot);
      buffers.push_back({region.buffer, region.offset, std::min(region.bytes, range_max)});
    }
    writes.push_back(write);
  }
  vkUpdateDescriptorSets(owner.handle(), static_cast<std::uint32_t>(writes.size()), writes.data(), 0, nullptr);
  return made;
}

void record_dispatch(VkCommandBuffer commands, const dispatch& work, const pipeline_set& pipelines, VkDescriptorSet set,
                     std::array<std::uint32_t, 3> groups) {
  const pipeline_key key = key_of(work);
  const VkPipelineLayout layout = pipelines.layout(key.operands).pipeline.get();
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines.pipeline(key));
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
  if (!work.push_constants.empty())
    vkCmdPushConstants(commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       static_cast<std::uint32_t>(work.push_constants.size()), work.push_constants.data());
  vkCmdDispatch(commands, groups[0], groups[1], groups[2]);
}

}  // namespace troupe::vulkan
