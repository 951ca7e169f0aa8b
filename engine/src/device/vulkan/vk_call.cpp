#include "device/vulkan/vk_call.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

errc kind_of(VkResult code) {
  switch (code) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_FRAGMENTATION:
    case VK_ERROR_MEMORY_MAP_FAILED:
    case VK_ERROR_TOO_MANY_OBJECTS: return errc::out_of_memory;
    case VK_ERROR_DEVICE_LOST: return errc::device_lost;
    case VK_ERROR_INITIALIZATION_FAILED: return errc::unavailable;
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_LAYER_NOT_PRESENT: return errc::unsupported;
    default: return errc::internal;
  }
}

std::string_view advice(VkResult code) {
  switch (kind_of(code)) {
    case errc::out_of_memory: return "the device or host is out of memory; free some or use a smaller model or batch";
    case errc::device_lost: return "the device is lost; open it again and repeat";
    case errc::unavailable: return "the driver cannot start now; repeat later";
    case errc::unsupported: return "the driver lacks something Troupe needs; update it or use another device";
    default: return "the driver reports an error that Troupe does not expect";
  }
}

}  // namespace

error to_error(std::string_view call, VkResult code) {
  return fail(kind_of(code), "{} answers {}: {}", call, static_cast<int>(code), advice(code));
}

VkResult checkpoint::injected_failure(std::string_view name) const {
  if (!hook_) return VK_SUCCESS;
  const auto failure = hook_->before_call(name);
  if (!failure) return VK_SUCCESS;
  switch (*failure) {
    case errc::device_lost: return VK_ERROR_DEVICE_LOST;
    case errc::unavailable: return VK_ERROR_INITIALIZATION_FAILED;
    case errc::internal: return VK_ERROR_UNKNOWN;
    default: return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
}

result<VkResult> checkpoint::judge(std::string_view name, call_outcome outcome) {
  if (outcome.code >= 0) return outcome.code;
  if (outcome.code == VK_ERROR_DEVICE_LOST) lost_.store(true, std::memory_order_relaxed);
  return to_error(name, outcome.code);
}

error checkpoint::lost_before(std::string_view name) {
  return fail(errc::device_lost, "{} is not called: the device was lost before; open it again and repeat", name);
}

}  // namespace troupe::vulkan
