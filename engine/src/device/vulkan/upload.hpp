// One-off copies into memory that the host cannot reach.
#pragma once

#include "device/vulkan/buffer.hpp"

namespace troupe::vulkan {

/// Fills parts of `target` through a staging buffer, one submission for each staging buffer full.
class uploader {
public:
  /// `bytes_max`: of the largest part to come; larger parts go in pieces anyway, this only avoids waste.
  static result<uploader> make(std::shared_ptr<gpu> owner, std::uint64_t bytes_max);

  /// Copies `data` to `target` at `offset`; returns when the device has it. Waits no longer than `deadline`.
  result<void> write(VkBuffer target, std::uint64_t offset, std::span<const std::byte> data, time_point deadline,
                     const cancellation& cancel);

private:
  explicit uploader(std::shared_ptr<gpu> owner) : owner_(std::move(owner)) {}
  result<void> copy(VkBuffer target, std::uint64_t offset, std::uint64_t bytes, time_point deadline,
                    const cancellation& cancel);

  std::shared_ptr<gpu> owner_;
  buffer staging_;
  unique_command_pool pool_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
};

}  // namespace troupe::vulkan
