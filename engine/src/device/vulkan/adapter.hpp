// The physical devices of a machine: what they can do, and in which order they are preferred.
#pragma once

#include <vector>

#include "device/vulkan/vk_call.hpp"

namespace troupe::vulkan {

/// One physical device with everything that is ever asked of it.
struct adapter {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  device_info info;  ///< `index` is set by whoever makes a list
  VkPhysicalDeviceLimits limits{};
  VkPhysicalDeviceMemoryProperties memory{};
  std::uint32_t vendor_id = 0;
  std::uint32_t device_id = 0;
  std::uint32_t driver_version = 0;
  std::array<std::uint8_t, VK_UUID_SIZE> cache_uuid{};
  std::uint64_t heap_bytes_max = 0;  ///< of any heap
  bool timeline_semaphores = false;
  /// A family with compute; the dedicated one if there is one. -1: none.
  int queue_family = -1;
  std::uint32_t timestamp_bits = 0;  ///< of that family's clock; 0: it has none

  /// Says what Troupe lacks on this device, if anything.
  result<void> check_usable() const;
};

/// Every physical device, in order of preference: discrete, integrated, virtual, cpu; equals in the driver's order.
result<std::vector<adapter>> adapters_of(checkpoint& vk, VkInstance instance);

}  // namespace troupe::vulkan
