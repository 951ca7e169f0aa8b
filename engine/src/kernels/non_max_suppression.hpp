// Which boxes NonMaxSuppression keeps.
#pragma once

#include <array>
#include <vector>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// [batch, class, box] of each box that stays, by batch, class and falling score. Takes all operands of the node;
/// `operands` past its end or nullptr are left out.
result<std::vector<std::array<std::int64_t, 3>>> select_boxes(const node& step,
                                                              const std::vector<const tensor*>& operands);

}  // namespace troupe
