// VK_KHR_cooperative_matrix: what a device offers of it. The headers of Debian 12 (1.3.239) are older than the
// extension; what is used of it is declared here as the specification has it.
#pragma once

#include <span>

#include "device/vulkan/vk_call.hpp"
#include "troupe/engine/operator.hpp"

#ifndef VK_KHR_cooperative_matrix
typedef enum VkComponentTypeKHR {
  VK_COMPONENT_TYPE_FLOAT16_KHR = 0,
  VK_COMPONENT_TYPE_FLOAT32_KHR = 1,
  VK_COMPONENT_TYPE_SINT8_KHR = 3,
  VK_COMPONENT_TYPE_MAX_ENUM_KHR = 0x7FFFFFFF
} VkComponentTypeKHR;

typedef enum VkScopeKHR {
  VK_SCOPE_WORKGROUP_KHR = 2,
  VK_SCOPE_SUBGROUP_KHR = 3,
  VK_SCOPE_MAX_ENUM_KHR = 0x7FFFFFFF
} VkScopeKHR;

typedef struct VkCooperativeMatrixPropertiesKHR {
  VkStructureType sType;
  void* pNext;
  uint32_t MSize;
  uint32_t NSize;
  uint32_t KSize;
  VkComponentTypeKHR AType;
  VkComponentTypeKHR BType;
  VkComponentTypeKHR CType;
  VkComponentTypeKHR ResultType;
  VkBool32 saturatingAccumulation;
  VkScopeKHR scope;
} VkCooperativeMatrixPropertiesKHR;

typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
  VkStructureType sType;
  void* pNext;
  VkBool32 cooperativeMatrix;
  VkBool32 cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;

typedef struct VkPhysicalDeviceCooperativeMatrixPropertiesKHR {
  VkStructureType sType;
  void* pNext;
  VkShaderStageFlags cooperativeMatrixSupportedStages;
} VkPhysicalDeviceCooperativeMatrixPropertiesKHR;

typedef VkResult(VKAPI_PTR* PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(
    VkPhysicalDevice physicalDevice, uint32_t* pPropertyCount, VkCooperativeMatrixPropertiesKHR* pProperties);
#endif

namespace troupe::vulkan {

namespace cooperative_matrix {
inline constexpr const char* extension = "VK_KHR_cooperative_matrix";
inline constexpr auto structure_type_features = static_cast<VkStructureType>(1000506000);
inline constexpr auto structure_type_properties = static_cast<VkStructureType>(1000506001);
inline constexpr auto structure_type_device_properties = static_cast<VkStructureType>(1000506002);
}  // namespace cooperative_matrix

/// The unit that kernels use, of those that a device offers: binary16 factors, fp32 sums, a subgroup together, extents
/// that shared memory's words and the kernel's steps are multiples of; the largest of these, and among equals the
/// first. Nothing (zeros) if there is none.
matrix_unit choose_matrix_unit(std::span<const VkCooperativeMatrixPropertiesKHR> offered) noexcept;

/// Asks a device that has the extension. Nothing where the features that the kernels need beside it are missing.
result<matrix_unit> find_matrix_unit(checkpoint& vk, VkInstance instance, VkPhysicalDevice device);

}  // namespace troupe::vulkan
