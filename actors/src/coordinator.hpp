// The coordinator actor of one model: places its parts, sends requests through them, repeats what is lost, answers
// once. What it decides is in coordinator_state; what it says is in model_messages.hpp:
//
//   facade --submit_msg--> coordinator --step_msg--> first shard ... last shard --> aggregator --joined_msg-->
//   coordinator coordinator --load_part_msg, unload_plan_msg--> node --part_up_msg, part_failed_msg--> coordinator
#pragma once

#include <caf/event_based_actor.hpp>

#include "plan.hpp"

namespace troupe {

struct coordinator_options {
  std::uint64_t plan_id = 0;
  std::shared_ptr<const plan> layout;
  std::vector<caf::actor> nodes;                        ///< other nodes, then this process's own
  std::vector<std::optional<planning_node>> abilities;  ///< of these, as they were planned with; or none
  caf::actor aggregator;
  restart_limits restarts;
  std::uint64_t first_state_epoch = 1;                    ///< see `model_core`
  std::function<caf::actor()> store;                      ///< as in `node_options`; empty: networks travel whole
  std::function<void(const load_progress&)> on_progress;  ///< see `load_options`
};

/// Unloads the plan from all nodes when it ends.
caf::actor spawn_coordinator(caf::event_based_actor* parent, coordinator_options options);

}  // namespace troupe
