#include "device/vulkan/adapter.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "device/vulkan/cooperative_matrix.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

std::string type_name(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "cpu";
    default: return "other";
  }
}

int preference(const adapter& candidate) {
  static constexpr std::array<std::string_view, 4> order{"discrete", "integrated", "virtual", "cpu"};
  return static_cast<int>(std::find(order.begin(), order.end(), candidate.info.type) - order.begin());
}

/// "Mesa 22.3.6 (LLVM 15.0.6)" is 22.
std::uint32_t mesa_version_of(const VkPhysicalDeviceDriverProperties& driver) {
  unsigned major = 0;
  return std::sscanf(driver.driverInfo, "Mesa %u.", &major) == 1 ? major : 0;
}

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

void read_properties(adapter& made) {
  auto driver = vk_struct<VkPhysicalDeviceDriverProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  auto v11 = vk_struct<VkPhysicalDeviceVulkan11Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  auto all = vk_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  v11.pNext = &driver;
  all.pNext = &v11;
  vkGetPhysicalDeviceProperties2(made.handle, &all);
  const VkPhysicalDeviceProperties& base = all.properties;

  made.limits = base.limits;
  made.vendor_id = base.vendorID;
  made.device_id = base.deviceID;
  made.driver_version = base.driverVersion;
  std::copy_n(base.pipelineCacheUUID, VK_UUID_SIZE, made.cache_uuid.begin());
  made.info.kind = device_kind::vulkan;
  made.info.name = base.deviceName;
  made.info.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo);
  made.info.type = type_name(base.deviceType);
  made.info.api_version = fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(base.apiVersion),
                                      VK_API_VERSION_MINOR(base.apiVersion), VK_API_VERSION_PATCH(base.apiVersion));
  made.info.uuid = hexadecimal(v11.deviceUUID);
  made.info.allocation_bytes_max = v11.maxMemoryAllocationSize;

  device_traits& traits = made.info.traits;
  traits.software = base.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  traits.subgroup_size = v11.subgroupSize;
  traits.shared_memory_bytes = base.limits.maxComputeSharedMemorySize;
  traits.group_invocations_max = base.limits.maxComputeWorkGroupInvocations;
  std::copy_n(base.limits.maxComputeWorkGroupCount, 3, traits.group_count_max.begin());
  traits.storage_range_max = base.limits.maxStorageBufferRange;
  const bool computes = v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT;
  traits.subgroup_shuffle = computes && (v11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
  traits.subgroup_arithmetic = computes && (v11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
  traits.mesa_version = mesa_version_of(driver);
  traits.texel_elements_max = base.limits.maxTexelBufferElements;
  // Since 26 a wide load of a storage buffer is one masked gather, and texel loads spill registers.
  traits.texel_reads = traits.software && traits.mesa_version > 0 && traits.mesa_version < 26;
}

void read_features(adapter& made) {
  auto v11 = vk_struct<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  auto v12 = vk_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto all = vk_struct<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  v11.pNext = &v12;
  all.pNext = &v11;
  vkGetPhysicalDeviceFeatures2(made.handle, &all);
  made.info.fp16_storage = v11.storageBuffer16BitAccess;
  made.info.fp16_arithmetic = v12.shaderFloat16;
  made.timeline_semaphores = v12.timelineSemaphore;
}

void read_memory(adapter& made) {
  vkGetPhysicalDeviceMemoryProperties(made.handle, &made.memory);
  for (std::uint32_t i = 0; i < made.memory.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = made.memory.memoryHeaps[i];
    made.heap_bytes_max = std::max<std::uint64_t>(made.heap_bytes_max, heap.size);
    if (heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      made.info.memory_bytes = std::max<std::uint64_t>(made.info.memory_bytes, heap.size);
  }
}

void read_queues(adapter& made) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(made.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(made.handle, &count, families.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    const bool dedicated = !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
    if (made.queue_family < 0 || dedicated) made.queue_family = static_cast<int>(i);
    if (dedicated) break;
  }
  if (made.queue_family >= 0)
    made.timestamp_bits = families[static_cast<std::size_t>(made.queue_family)].timestampValidBits;
}

result<void> read_extensions(checkpoint& vk, adapter& made) {
  std::uint32_t count = 0;
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumerateDeviceExtensionProperties, made.handle, nullptr, &count, nullptr));
  std::vector<VkExtensionProperties> extensions(count);
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumerateDeviceExtensionProperties, made.handle, nullptr, &count, extensions.data()));
  extensions.resize(count);
  made.info.cooperative_matrix = std::any_of(extensions.begin(), extensions.end(), [](const auto& extension) {
    return std::strcmp(extension.extensionName, "VK_KHR_cooperative_matrix") == 0;
  });
  return {};
}

/// A driver of Vulkan 1.0 or 1.1 has no structures of 1.2 to fill; its entry says so and nothing more.
bool knows_vulkan_12(adapter& made) {
  VkPhysicalDeviceProperties base{};
  vkGetPhysicalDeviceProperties(made.handle, &base);
  if (base.apiVersion >= VK_API_VERSION_1_2) return true;
  made.info.kind = device_kind::vulkan;
  made.info.name = base.deviceName;
  made.info.type = type_name(base.deviceType);
  made.info.api_version =
      fmt::format("{}.{}", VK_API_VERSION_MAJOR(base.apiVersion), VK_API_VERSION_MINOR(base.apiVersion));
  return false;
}

}  // namespace

result<void> adapter::check_usable() const {
  const auto lacks = [&](std::string_view what) {
    return fail(errc::unsupported, "the device \"{}\" lacks {}, which Troupe needs; use another device or driver",
                info.name, what);
  };
  if (!timeline_semaphores) return lacks("Vulkan 1.2 with timeline semaphores");
  if (!info.fp16_storage) return lacks("16-bit storage buffers");
  if (queue_family < 0) return lacks("a queue for compute");
  return {};
}

result<std::vector<adapter>> adapters_of(checkpoint& vk, VkInstance instance) {
  std::uint32_t count = 0;
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumeratePhysicalDevices, instance, &count, nullptr));
  std::vector<VkPhysicalDevice> handles(count);
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumeratePhysicalDevices, instance, &count, handles.data()));
  handles.resize(count);
  std::vector<adapter> found;
  for (const VkPhysicalDevice handle : handles) {
    adapter& made = found.emplace_back();
    made.handle = handle;
    if (!knows_vulkan_12(made)) continue;
    read_properties(made);
    read_features(made);
    read_memory(made);
    read_queues(made);
    TROUPE_CHECK(read_extensions(vk, made));
    if (made.info.cooperative_matrix) {
      TROUPE_TRY(made.info.traits.matrix, find_matrix_unit(vk, instance, made.handle));
    }
    // Kernels have at least four subgroups in a workgroup.
    if (4 * made.info.traits.subgroup_size > made.info.traits.group_invocations_max) made.info.traits.matrix = {};
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const adapter& a, const adapter& b) { return preference(a) < preference(b); });
  return found;
}

}  // namespace troupe::vulkan
