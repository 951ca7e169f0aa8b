// Device memory: few large buffers, each with an allocation of its own.
#pragma once

#include "device/vulkan/gpu.hpp"

namespace troupe::vulkan {

enum class buffer_use : std::uint8_t {
  storage,  ///< read and written by kernels, in the device's own memory
  staging,  ///< written and read by the host, copied from and to storage
};

/// Storage has so many bytes more than was asked for, so that a texel view may end a little behind what it shows.
inline constexpr std::uint64_t texel_slack = 256;

/// A buffer with its memory. Must not outlive its `gpu`.
class buffer {
public:
  /// `what` names the buffer in errors, e.g. "the weights". Sizes that the device cannot have are refused before the
  /// driver is asked.
  static result<buffer> make(gpu& owner, std::uint64_t bytes, buffer_use use, std::string_view what);

  VkBuffer handle() const noexcept { return handle_.get(); }
  std::uint64_t size() const noexcept { return size_; }
  /// Bytes that the host reads and writes in place; empty for storage that only the device reaches. Coherent.
  std::span<std::byte> mapped() const noexcept { return {mapped_, mapped_ ? static_cast<std::size_t>(size_) : 0}; }

private:
  result<void> allocate(gpu& owner, buffer_use use, std::string_view what);

  unique_memory memory_;
  unique_buffer handle_;
  std::byte* mapped_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace troupe::vulkan
