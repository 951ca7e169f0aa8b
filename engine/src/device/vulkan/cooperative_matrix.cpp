#include "device/vulkan/cooperative_matrix.hpp"

#include <vector>

namespace troupe::vulkan {
namespace {

/// gemm_cooperative.comp brings so many terms at a time into shared memory.
constexpr std::uint32_t step_terms = 32;
/// Sums of one unit, so that every tile that lowering chooses fits the shared memory that all devices have.
constexpr std::uint32_t unit_size_max = 256;

bool is_usable(const VkCooperativeMatrixPropertiesKHR& unit) noexcept {
  const auto is_extent = [](std::uint32_t extent) { return extent > 0 && extent <= 32 && extent % 8 == 0; };
  return unit.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && unit.BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
         unit.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && unit.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
         !unit.saturatingAccumulation && unit.scope == VK_SCOPE_SUBGROUP_KHR && is_extent(unit.MSize) &&
         is_extent(unit.NSize) && is_extent(unit.KSize) && unit.MSize * unit.NSize <= unit_size_max &&
         step_terms % unit.KSize == 0;
}

bool has_features(VkPhysicalDevice device) {
  auto matrices = vk_struct<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(cooperative_matrix::structure_type_features);
  auto v12 = vk_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto features = vk_struct<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  v12.pNext = &matrices;
  features.pNext = &v12;
  vkGetPhysicalDeviceFeatures2(device, &features);
  auto stages =
      vk_struct<VkPhysicalDeviceCooperativeMatrixPropertiesKHR>(cooperative_matrix::structure_type_device_properties);
  auto properties = vk_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  properties.pNext = &stages;
  vkGetPhysicalDeviceProperties2(device, &properties);
  return matrices.cooperativeMatrix && v12.vulkanMemoryModel && v12.shaderFloat16 &&
         (stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
}

}  // namespace

matrix_unit choose_matrix_unit(std::span<const VkCooperativeMatrixPropertiesKHR> offered) noexcept {
  matrix_unit best;
  for (const VkCooperativeMatrixPropertiesKHR& unit : offered)
    if (is_usable(unit) && unit.MSize * unit.NSize * unit.KSize > best.rows * best.columns * best.terms)
      best = {unit.MSize, unit.NSize, unit.KSize};
  return best;
}

result<matrix_unit> find_matrix_unit(checkpoint& vk, VkInstance instance, VkPhysicalDevice device) {
  constexpr const char* name = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR";
  const auto list =
      reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(vkGetInstanceProcAddr(instance, name));
  if (!list || !has_features(device)) return matrix_unit{};
  std::uint32_t count = 0;
  TROUPE_CHECK(vk.call(name, list, device, &count, nullptr));
  std::vector<VkCooperativeMatrixPropertiesKHR> offered(
      count, vk_struct<VkCooperativeMatrixPropertiesKHR>(cooperative_matrix::structure_type_properties));
  TROUPE_CHECK(vk.call(name, list, device, &count, offered.data()));
  offered.resize(count);
  return choose_matrix_unit(offered);
}

}  // namespace troupe::vulkan
