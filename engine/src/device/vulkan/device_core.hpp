// What a device and all its programs share.
#pragma once

#include "device/vulkan/pipeline_cache.hpp"
#include "device/vulkan/pipelines.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe::vulkan {

/// Kept alive by the device and by each program. The members die in reverse order, the VkDevice last.
struct device_core {
  std::shared_ptr<gpu> owner;
  std::unique_ptr<pipeline_cache> cache;
  std::shared_ptr<const operator_table> operators;
  kernel_source kernels;
};

}  // namespace troupe::vulkan
