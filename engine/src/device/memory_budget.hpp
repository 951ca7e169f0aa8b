// Whether what a program keeps from run to run fits into its device, before any of it is taken: a graph may come from
// another machine, and a few words of it can ask for more than there is.
#pragma once

#include "troupe/engine/device.hpp"

namespace troupe {

/// Bytes that programs can have on this device at most: all of a GPU's own memory; of memory that the host shares, what
/// the host has left now.
std::uint64_t memory_budget(const device_info& on);

/// `out_of_memory` when the states of `part`, all together, need more than `budget` bytes. `storage`: the type in which
/// they are kept, instead of their own.
result<void> check_states_fit(const graph& part, std::optional<dtype> storage, std::uint64_t budget);

}  // namespace troupe
