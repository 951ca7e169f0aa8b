// The one place through which every Vulkan call goes that can fail.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <type_traits>

#include "troupe/engine/device.hpp"
#include "troupe/engine/result.hpp"

namespace troupe::vulkan {

/// What the driver (or a fault hook in its place) answered.
struct call_outcome {
  VkResult code = VK_SUCCESS;
  bool injected = false;  ///< the driver was not called
};

/// A zeroed Vulkan structure with its tag.
template <class Struct>
Struct vk_struct(VkStructureType type) noexcept {
  Struct made{};
  made.sType = type;
  return made;
}

/// The error for a failed call.
error to_error(std::string_view call, VkResult code);

/// Names each call, lets the fault hook fail it, and turns its result into ours. A device that was lost once stays
/// lost: later calls fail without touching the driver. Callable from any thread.
class checkpoint {
public:
  explicit checkpoint(std::shared_ptr<device_fault_hook> hook) : hook_(std::move(hook)) {}

  /// Calls `function` unless the device is lost or the hook objects. Success codes other than VK_SUCCESS (VK_TIMEOUT,
  /// VK_INCOMPLETE) are values. Use `TROUPE_VK`, which supplies the name.
  template <class... Parameters>
  result<VkResult> call(std::string_view name, VkResult(VKAPI_PTR* function)(Parameters...),
                        std::type_identity_t<Parameters>... arguments) {
    if (lost()) return lost_before(name);
    return judge(name, attempt(name, function, arguments...));
  }

  /// As `call`, but also on a lost device and without judging: for the way out, where work in flight must be waited for
  /// whatever happened before.
  template <class... Parameters>
  call_outcome attempt(std::string_view name, VkResult(VKAPI_PTR* function)(Parameters...),
                       std::type_identity_t<Parameters>... arguments) {
    if (const VkResult code = injected_failure(name); code != VK_SUCCESS) return {code, true};
    return {function(arguments...), false};
  }

  /// Turns the outcome of `attempt` into a value or an error, and remembers a loss.
  result<VkResult> judge(std::string_view name, call_outcome outcome);

  bool lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

private:
  VkResult injected_failure(std::string_view name) const;
  static error lost_before(std::string_view name);

  std::shared_ptr<device_fault_hook> hook_;
  std::atomic<bool> lost_ = false;
};

}  // namespace troupe::vulkan

/// `TROUPE_CHECK(TROUPE_VK(vk, vkCreateFence, device, &info, nullptr, &fence));`
#define TROUPE_VK(vk, function, ...) (vk).call(#function, function, __VA_ARGS__)
