#include "device/vulkan/buffer.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

/// The first allowed type with all of `wanted`, preferably with `preferred` too.
std::optional<std::uint32_t> find_type(const VkPhysicalDeviceMemoryProperties& memory, std::uint32_t allowed,
                                       VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags preferred) {
  for (const VkMemoryPropertyFlags flags : {wanted | preferred, wanted})
    for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
      if ((allowed & (1u << i)) && (memory.memoryTypes[i].propertyFlags & flags) == flags) return i;
  return std::nullopt;
}

std::optional<std::uint32_t> memory_type(const gpu& owner, std::uint32_t allowed, buffer_use use) {
  const VkPhysicalDeviceMemoryProperties& memory = owner.properties().memory;
  if (use == buffer_use::staging)
    return find_type(memory, allowed, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                     VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  const auto direct = owner.direct_memory_type();
  if (direct && (allowed & (1u << *direct))) return direct;
  return find_type(memory, allowed, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
}

error too_large(std::string_view what, std::uint64_t need, std::uint64_t have, std::string_view where) {
  return fail(errc::out_of_memory,
              "{} need {} bytes, but the device has {} {}; use a smaller model or batch, or split it", what, need, have,
              where);
}

}  // namespace

result<buffer> buffer::make(gpu& owner, std::uint64_t bytes, buffer_use use, std::string_view what) {
  const adapter& device = owner.properties();
  if (bytes > device.info.allocation_bytes_max)
    return too_large(what, bytes, device.info.allocation_bytes_max, "in one allocation");
  buffer made;
  made.size_ = bytes;
  auto info = vk_struct<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  if (use == buffer_use::storage) {
    info.size += texel_slack;
    info.usage |= VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT;
  }
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  VkBuffer handle = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateBuffer, owner.handle(), &info, nullptr, &handle)
                   .while_doing(fmt::format("making a buffer for {}", what)));
  made.handle_ = unique_buffer(owner, handle);
  TROUPE_CHECK(made.allocate(owner, use, what));
  return made;
}

result<void> buffer::allocate(gpu& owner, buffer_use use, std::string_view what) {
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(owner.handle(), handle_.get(), &needs);
  const auto type = memory_type(owner, needs.memoryTypeBits, use);
  if (!type) return fail(errc::unsupported, "the device has no memory that suits {}; use another device", what);
  const VkPhysicalDeviceMemoryProperties& memory = owner.properties().memory;
  const std::uint64_t heap = memory.memoryHeaps[memory.memoryTypes[*type].heapIndex].size;
  if (needs.size > heap) return too_large(what, needs.size, heap, "in all");

  auto info = vk_struct<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  info.allocationSize = needs.size;
  info.memoryTypeIndex = *type;
  VkDeviceMemory allocated = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkAllocateMemory, owner.handle(), &info, nullptr, &allocated)
                   .while_doing(fmt::format("allocating {} bytes for {}", needs.size, what)));
  memory_ = unique_memory(owner, allocated);
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkBindBufferMemory, owner.handle(), handle_.get(), allocated, 0));
  if (use == buffer_use::staging || type == owner.direct_memory_type()) {
    void* mapped = nullptr;
    TROUPE_CHECK(TROUPE_VK(owner.vk(), vkMapMemory, owner.handle(), allocated, 0, VK_WHOLE_SIZE, 0, &mapped));
    mapped_ = static_cast<std::byte*>(mapped);
  }
  return {};
}

}  // namespace troupe::vulkan
