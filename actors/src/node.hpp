// The node actor of a process: runs parts of models for coordinators, here and on other nodes, each part under a
// supervisor of its own so that the restart limit counts per part. Interface in model_messages.hpp: load_part_msg,
// unload_plan_msg, kill_part_msg, node_status_request_msg, connect_peer_msg, ability_request_msg, link_probe_msg.
#pragma once

#include <caf/event_based_actor.hpp>

#include "ability_source.hpp"
#include "remoting.hpp"
#include "shard.hpp"
#include "troupe/actors/supervision_event.hpp"
#include "troupe/transport/records.hpp"

namespace troupe {

struct node_options {
  std::string name;
  device_opener open_device;
  std::shared_ptr<const operator_table> operators;
  supervision_observer observer;  ///< may be empty
  bool allow_fault_injection = false;
  remoting* links = nullptr;                ///< must outlive the actor; null: no links
  wire::device_summary device;              ///< told to whom asks
  std::shared_ptr<ability_source> ability;  ///< null: others cannot plan with this node
};

/// Parts of a coordinator that ends, or whose link is lost, are unloaded.
caf::actor spawn_node(caf::event_based_actor* parent, node_options options);

}  // namespace troupe
