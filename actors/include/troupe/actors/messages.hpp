// Every message type of the module, in the one block that gives them their numbers.
#pragma once

#include <caf/type_id.hpp>

#include "troupe/actors/supervisor_messages.hpp"

// clang-format off
CAF_BEGIN_TYPE_ID_BLOCK(troupe, caf::first_custom_type_id)

  CAF_ADD_TYPE_ID(troupe, (troupe::whereis))
  CAF_ADD_TYPE_ID(troupe, (troupe::start_child))
  CAF_ADD_TYPE_ID(troupe, (troupe::terminate_child))
  CAF_ADD_TYPE_ID(troupe, (troupe::restart_child))
  CAF_ADD_TYPE_ID(troupe, (troupe::delete_child))
  CAF_ADD_TYPE_ID(troupe, (troupe::await_children))
  CAF_ADD_TYPE_ID(troupe, (troupe::describe_tree))
  CAF_ADD_TYPE_ID(troupe, (troupe::tree_snapshot))
  CAF_ADD_TYPE_ID(troupe, (troupe::watch_children))
  CAF_ADD_TYPE_ID(troupe, (troupe::unwatch_children))
  CAF_ADD_TYPE_ID(troupe, (troupe::child_up))
  CAF_ADD_TYPE_ID(troupe, (troupe::child_down))
  CAF_ADD_TYPE_ID(troupe, (troupe::supervisor_escalated))
  CAF_ADD_TYPE_ID(troupe, (troupe::liveness_probe))
  CAF_ADD_TYPE_ID(troupe, (troupe::supervisor_timer))

CAF_END_TYPE_ID_BLOCK(troupe)
// clang-format on
