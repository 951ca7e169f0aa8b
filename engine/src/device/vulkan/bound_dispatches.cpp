#include "device/vulkan/bound_dispatches.hpp"

#include <algorithm>

#include "device/lowering/storage_format.hpp"

namespace troupe::vulkan {
namespace {

result<bound_dispatches> allocate_sets(gpu& owner, const pipeline_set& pipelines,
                                       std::span<const dispatch* const> steps) {
  std::vector<VkDescriptorSetLayout> layouts;
  std::vector<VkDescriptorPoolSize> sizes{{descriptor_type(false), 0}, {descriptor_type(true), 0}};
  for (const dispatch* step : steps) {
    layouts.push_back(pipelines.layout(kinds_of(*step)).set.get());
    for (const dispatch_operand& operand : step->operands) ++sizes[operand.texels].descriptorCount;
  }
  std::erase_if(sizes, [](const VkDescriptorPoolSize& size) { return size.descriptorCount == 0; });
  auto pool_info = vk_struct<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  pool_info.maxSets = static_cast<std::uint32_t>(steps.size());
  pool_info.poolSizeCount = static_cast<std::uint32_t>(sizes.size());
  pool_info.pPoolSizes = sizes.data();
  VkDescriptorPool pool = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateDescriptorPool, owner.handle(), &pool_info, nullptr, &pool));
  bound_dispatches made{{}, unique_descriptor_pool(owner, pool), std::vector<VkDescriptorSet>(steps.size())};
  auto info = vk_struct<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = pool;
  info.descriptorSetCount = static_cast<std::uint32_t>(layouts.size());
  info.pSetLayouts = layouts.data();
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkAllocateDescriptorSets, owner.handle(), &info, made.sets.data()));
  return made;
}

/// Bytes of a view of `bytes`, within `texel_slack`. Mesa's software driver (22.3) takes bits 8 to 15 of a buffer
/// view's length for an image's last level, and compiles a kernel once more for every combination of views in which
/// they are all zero or not, in the middle of the first run: here they never are.
std::uint64_t view_bytes(std::uint64_t bytes) {
  return (bytes & 0xff00u) == 0 ? bytes + 256 : bytes;
}

result<unique_buffer_view> make_view(gpu& owner, const memory_region& region, bool floats) {
  auto info = vk_struct<VkBufferViewCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO);
  info.buffer = region.buffer;
  info.format = floats ? VK_FORMAT_R32G32B32A32_SFLOAT : VK_FORMAT_R32G32B32A32_UINT;
  info.offset = region.offset;
  info.range = region.bytes;
  VkBufferView view = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateBufferView, owner.handle(), &info, nullptr, &view));
  return unique_buffer_view(owner, view);
}

/// Whether kernels see 16-byte words of the operand as four floats: binary16 and bytes come as integers.
bool holds_floats(const lowered_graph& work, const dispatch_operand& operand) {
  const storage_kind kind = work.slots[work.slots[operand.slot].root].kind;
  return element_type(kind, work.storage) == dtype::f32;
}

}  // namespace

memory_region bound_region(const lowered_graph& work, const memory_map& memory, const dispatch_operand& operand) {
  const memory_region& whole = region_of(work, memory, operand.slot);
  if (operand.part_begin == 0 && operand.part_elements == 0) return whole;
  const operand_bytes part = binding_of(work, operand);
  return {whole.buffer, whole.offset + part.begin, std::min((part.bytes + 15) / 16 * 16, whole.bytes - part.begin)};
}

result<bound_dispatches> bind_dispatches(gpu& owner, const lowered_graph& work, const memory_map& memory,
                                         const pipeline_set& pipelines, std::span<const dispatch* const> steps) {
  if (steps.empty()) return bound_dispatches{};
  std::size_t operands = 0;
  for (const dispatch* step : steps) operands += step->operands.size();
  TROUPE_TRY(auto made, allocate_sets(owner, pipelines, steps));

  std::vector<VkDescriptorBufferInfo> buffers;
  std::vector<VkBufferView> views;
  buffers.reserve(operands);  // the writes below point into them
  views.reserve(operands);
  std::vector<VkWriteDescriptorSet> writes;
  const VkPhysicalDeviceLimits& limits = owner.properties().limits;
  const std::uint64_t texel_range_max = std::uint64_t{limits.maxTexelBufferElements} * 16;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::uint32_t binding = 0; binding < steps[i]->operands.size(); ++binding) {
      const dispatch_operand& operand = steps[i]->operands[binding];
      memory_region region = bound_region(work, memory, operand);
      auto write = vk_struct<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
      write.dstSet = made.sets[i];
      write.dstBinding = binding;
      write.descriptorCount = 1;
      write.descriptorType = descriptor_type(operand.texels);
      if (operand.texels) {
        region.bytes = std::min(view_bytes(region.bytes), texel_range_max);
        TROUPE_TRY(made.views.emplace_back(), make_view(owner, region, holds_floats(work, operand)));
        views.push_back(made.views.back().get());
        write.pTexelBufferView = &views.back();
      } else {
        buffers.push_back(
            {region.buffer, region.offset, std::min<std::uint64_t>(region.bytes, limits.maxStorageBufferRange)});
        write.pBufferInfo = &buffers.back();
      }
      writes.push_back(write);
    }
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
