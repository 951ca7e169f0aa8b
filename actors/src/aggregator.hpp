// The aggregator actor of one model: collects the last stages' outputs and joins them. Interface in model_messages.hpp:
//
//   coordinator --expect_join_msg, forget_join_msg--> aggregator --joined_msg--> coordinator
//   last shard --step_msg with an empty route--> aggregator
#pragma once

#include <caf/event_based_actor.hpp>

#include "plan.hpp"

namespace troupe {

caf::actor spawn_aggregator(caf::event_based_actor* parent, std::shared_ptr<const plan> layout);

}  // namespace troupe
