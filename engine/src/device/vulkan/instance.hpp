// The connection to the Vulkan loader.
#pragma once

#include "device/vulkan/vk_call.hpp"

namespace troupe::vulkan {

/// Owns a VkInstance and, with validation on, the messenger that brings its messages to `on_message`. Everything made
/// from it must be gone before it is.
class instance {
public:
  /// Nothing when the machine has no Vulkan driver at all. Validation that is asked for but not installed is reported
  /// to `on_message` and left out.
  static result<std::unique_ptr<instance>> create(checkpoint& vk, const device_options& options);

  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;
  ~instance();

  VkInstance handle() const noexcept { return handle_; }
  /// Gives up ownership on purpose: for a device that does not come back, see `gpu`.
  void leak() noexcept { leaked_ = true; }

private:
  explicit instance(std::function<void(const std::string&)> on_message) : on_message_(std::move(on_message)) {}
  result<void> add_messenger(checkpoint& vk, const VkDebugUtilsMessengerCreateInfoEXT& info);

  std::function<void(const std::string&)> on_message_;
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool leaked_ = false;
};

}  // namespace troupe::vulkan
