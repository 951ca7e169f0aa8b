// The shard actor: owns one program. Its control half always answers; its device half waits for the device on a thread
// of its own. What it decides is in shard_state; what it says is in model_messages.hpp:
//
//   coordinator or shard --step_msg--> shard --step_msg--> next hop       (step_failed_msg --> origin)
//   slice --step_msg--> all other slices of the model, as slice_state decides
//   shard --shard_ready_msg, shard_failing_msg--> node
#pragma once

#include <caf/event_based_actor.hpp>

#include "model_messages.hpp"
#include "troupe/engine/device.hpp"

namespace troupe {

/// Opens the device that a shard shall use. Called on the device half's thread, once an incarnation.
using device_opener = std::function<result<std::shared_ptr<device>>()>;

struct shard_options {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
  std::uint64_t incarnation = 0;
  std::shared_ptr<const graph> network;
  dtype storage = dtype::f16;
  device_opener open_device;
  std::shared_ptr<const operator_table> operators;
  caf::actor node;  ///< hears when the shard is ready, or why it ends
};

/// Spawns the shard as a child of `parent`. It ends abnormally when the device is lost, out of memory or broken, so
/// that its supervisor makes a new one, and normally when starting again cannot help.
caf::actor spawn_shard(caf::event_based_actor* parent, shard_options options);

}  // namespace troupe
