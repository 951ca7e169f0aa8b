// What every dispatch must respect, whoever made it.
#pragma once

#include "device/lowering/lowered_graph.hpp"

namespace troupe {

/// The kernel exists, and its operands, constants and workgroups are within the device's limits.
result<void> check_dispatch(const dispatch& work, const lowering_target& target);

/// Every operand of every dispatch fits one binding, at a place where one may begin.
result<void> check_bindings(const lowered_graph& made, const lowering_target& target);

}  // namespace troupe
