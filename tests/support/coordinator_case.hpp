// What tests of the coordinator's decisions begin with: plans without networks, and the actions of one kind.
#pragma once

#include "coordinator_state.hpp"
#include "support/check.hpp"

namespace troupe::test {

inline const time_point start_time{};
inline const time_point far = start_time + std::chrono::hours(1);
inline const error lost(errc::unavailable, "gone");

inline std::shared_ptr<const plan> layout_of(parallel_mode mode, std::uint32_t replicas, std::uint32_t stages,
                                             bool stateful = false) {
  plan made;
  made.mode = mode;
  made.replicas = replicas;
  made.stages = stages;
  made.stateful = stateful;
  for (std::uint32_t replica = 0; replica < replicas; ++replica)
    for (std::uint32_t stage = 0; stage < stages; ++stage) made.parts.push_back({replica, stage, nullptr, {}});
  return std::make_shared<const plan>(made);
}

template <class Action>
std::vector<Action> only(const coordinator_actions& actions) {
  std::vector<Action> found;
  for (const auto& action : actions)
    if (const auto* held = std::get_if<Action>(&action)) found.push_back(*held);
  return found;
}

inline std::vector<tensor> batch(std::int64_t rows) {
  return {random_tensor({rows, 3}, 5)};
}

}  // namespace troupe::test
