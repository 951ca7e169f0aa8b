// The Vulkan devices of this machine, behind the interface of all devices.
#pragma once

#include "device/vulkan/device_core.hpp"

namespace troupe::vulkan {

/// What this machine has: nothing at all, or a connection with its devices in order of preference.
struct machine {
  std::shared_ptr<checkpoint> vk;
  std::unique_ptr<instance> connection;
  std::vector<adapter> adapters;
};

/// Asks the loader. A machine without a driver has no adapters; that is no error.
result<machine> look_around(const device_options& options);

/// Opens one of `found.adapters`.
result<std::shared_ptr<device>> open(machine found, std::size_t which, std::shared_ptr<const operator_table> operators,
                                     const device_options& options, const tuning& choices = {},
                                     kernel_source kernels = {});

}  // namespace troupe::vulkan
