// Times of the device's own clock, written between dispatches.
#pragma once

#include "device/vulkan/gpu.hpp"

namespace troupe::vulkan {

/// A pool of timestamps, each written once by recorded commands and read when these have been executed.
class timestamps {
public:
  timestamps() = default;
  /// `unsupported` when the device's queue has no clock.
  static result<timestamps> make(gpu& owner, std::uint32_t count);

  explicit operator bool() const noexcept { return static_cast<bool>(pool_); }
  /// Makes all of them writable again; must precede the first write of a submission.
  void record_reset(VkCommandBuffer commands) const;
  /// Waits, on the device, for everything recorded before, and notes the time. Not more often than there are.
  void record_next(VkCommandBuffer commands);
  std::uint32_t written() const noexcept { return next_; }
  /// Microseconds of the device's clock, in the order of `record_next`. What wrote them must have been executed.
  result<std::vector<double>> read(gpu& owner) const;

private:
  unique_query_pool pool_;
  std::uint32_t count_ = 0;
  std::uint32_t next_ = 0;
};

}  // namespace troupe::vulkan
