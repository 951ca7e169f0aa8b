// The device that computes by definition: every node by its reference, in fp32 loops on the host. The truth in tests.
#pragma once

#include "troupe/engine/device.hpp"

namespace troupe {

/// Properties of the reference device. `index` is its position in `list_devices()`, or 0 when nobody made the list.
device_info reference_info(std::size_t index);

std::shared_ptr<device> open_reference_device(std::size_t index, std::shared_ptr<const operator_table> operators);

}  // namespace troupe
