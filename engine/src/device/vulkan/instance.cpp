#include "device/vulkan/instance.hpp"

#include <cstring>
#include <vector>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL forward_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                               const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  const auto& on_message = *static_cast<const std::function<void(const std::string&)>*>(user);
  if (on_message && data && data->pMessage) on_message(data->pMessage);
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(std::function<void(const std::string&)>& on_message) {
  auto info = vk_struct<VkDebugUtilsMessengerCreateInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
  info.pfnUserCallback = forward_message;
  info.pUserData = &on_message;
  return info;
}

result<bool> has_validation(checkpoint& vk) {
  std::uint32_t count = 0;
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumerateInstanceLayerProperties, &count, nullptr));
  std::vector<VkLayerProperties> layers(count);
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumerateInstanceLayerProperties, &count, layers.data()));
  layers.resize(count);
  for (const VkLayerProperties& layer : layers)
    if (std::strcmp(layer.layerName, validation_layer) == 0) return true;
  return false;
}

}  // namespace

result<std::unique_ptr<instance>> instance::create(checkpoint& vk, const device_options& options) {
  std::uint32_t version = VK_API_VERSION_1_0;
  TROUPE_CHECK(TROUPE_VK(vk, vkEnumerateInstanceVersion, &version));
  if (version < VK_API_VERSION_1_2)
    return fail(errc::unsupported, "the Vulkan loader is of version {}.{}; Troupe needs 1.2",
                VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
  bool validate = false;
  if (options.validation) {
    TROUPE_TRY(validate, has_validation(vk));
    if (!validate && options.on_message)
      options.on_message("The Vulkan validation layer is not installed; going on without it.");
  }

  std::unique_ptr<instance> made(new instance(options.on_message));
  const auto messages = messenger_info(made->on_message_);
  const char* const extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  auto application = vk_struct<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pEngineName = "troupe";
  application.apiVersion = VK_API_VERSION_1_2;
  auto info = vk_struct<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  if (validate) {
    info.pNext = &messages;  // covers vkCreateInstance and vkDestroyInstance themselves
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &validation_layer;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &extension;
  }
  const call_outcome created = vk.attempt("vkCreateInstance", vkCreateInstance, &info, nullptr, &made->handle_);
  if (created.code == VK_ERROR_INCOMPATIBLE_DRIVER) return std::unique_ptr<instance>();
  if (created.code < 0) {
    made->handle_ = VK_NULL_HANDLE;
    return to_error("vkCreateInstance", created.code);
  }
  if (validate) TROUPE_CHECK(made->add_messenger(vk, messages));
  return made;
}

result<void> instance::add_messenger(checkpoint& vk, const VkDebugUtilsMessengerCreateInfoEXT& info) {
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(handle_, "vkCreateDebugUtilsMessengerEXT"));
  if (!create) return {};
  TROUPE_CHECK(vk.call("vkCreateDebugUtilsMessengerEXT", create, handle_, &info, nullptr, &messenger_));
  return {};
}

instance::~instance() {
  if (leaked_ || !handle_) return;
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT"));
    if (destroy) destroy(handle_, messenger_, nullptr);
  }
  vkDestroyInstance(handle_, nullptr);
}

}  // namespace troupe::vulkan
