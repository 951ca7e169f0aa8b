#include "simulation/fault.hpp"

#include <array>

namespace troupe::simulation {

std::string_view to_string(fault_kind kind) noexcept {
  constexpr std::array<std::string_view, fault_kinds> names{
      "shard_throws",      "kill_shard",       "load_fails",      "hang_shard",      "hang_node_actor",
      "kill_supervisor",   "kill_coordinator", "kill_aggregator", "kill_store",      "kill_node_actor",
      "kill_membership",   "kill_process",     "freeze_process",  "power_loss",      "reset_link",
      "partition",         "one_way",          "slow_link",       "duplicate_frame", "corrupt_frame",
      "truncate_frame",    "narrow_link",      "slow_device",     "device_lost",     "no_device_memory",
      "step_lacks_memory", "hang_device",      "cancel_request"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : "unknown";
}

}  // namespace troupe::simulation
