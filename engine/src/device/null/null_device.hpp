// The device that computes nothing: it specialises, lowers and checks like a Vulkan device with the least limits that
// Vulkan guarantees, and answers zeros. For tests of everything but numbers, and for planning.
#pragma once

#include "troupe/engine/device.hpp"

namespace troupe {

std::shared_ptr<device> open_null_device(std::shared_ptr<const operator_table> operators);

}  // namespace troupe
