// The device half of a shard: a thread that opens a device, loads a program and runs it, one step at a time.
#pragma once

#include <caf/event_based_actor.hpp>

#include "shard.hpp"

namespace troupe {

/// Spawns the device half on a thread of its own, linked to `control`. It sends `device_ready_msg` once and answers
/// every `compute_msg` with a `computed_msg`. `cancel` ends a running step early.
caf::actor spawn_device_half(caf::event_based_actor* control, shard_options options, cancellation cancel);

}  // namespace troupe
