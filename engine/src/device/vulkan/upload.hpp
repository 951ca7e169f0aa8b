// One-off copies into memory that the host cannot reach.
#pragma once

#include <array>

#include "device/vulkan/buffer.hpp"

namespace troupe::vulkan {

/// Fills parts of buffers through two staging buffers in turns: the device copies one while the host fills the other.
class uploader {
public:
  /// `bytes_max`: of the largest part to come; larger parts go in pieces anyway, this only avoids waste.
  static result<uploader> make(std::shared_ptr<gpu> owner, std::uint64_t bytes_max);

  /// Copies `data` to `target` at `offset`. Returns when the last of it is on its way: work that is submitted later
  /// finds it there. Waits no longer than `deadline`.
  result<void> write(VkBuffer target, std::uint64_t offset, std::span<const std::byte> data, time_point deadline,
                     const cancellation& cancel);

private:
  explicit uploader(std::shared_ptr<gpu> owner) : owner_(std::move(owner)) {}

  struct half {
    buffer staging;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    serial last_use = 0;
  };
  result<void> send(half& through, VkBuffer target, std::uint64_t offset, std::uint64_t bytes);

  std::shared_ptr<gpu> owner_;
  unique_command_pool pool_;
  std::array<half, 2> halves_;
  std::size_t next_ = 0;
};

}  // namespace troupe::vulkan
