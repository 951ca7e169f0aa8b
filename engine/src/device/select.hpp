// Which device a user's word means.
#pragma once

#include <string_view>
#include <vector>

#include "troupe/engine/device.hpp"

namespace troupe {

/// Position in `list` of the device that `selector` names: "" (the first), an index, or a part of a name, case ignored.
/// The error lists what there is.
result<std::size_t> select_device(std::string_view selector, const std::vector<device_info>& list);

}  // namespace troupe
