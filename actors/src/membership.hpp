// The actor that keeps a system's links to its other nodes: connects, notices losses, tries again, and tells whoever
// places parts. What it decides is in membership_state.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <string>
#include <vector>

#include "membership_state.hpp"
#include "remoting.hpp"

namespace troupe {

/// One other node, as others see it.
struct member_view {
  std::string address;
  std::string state;  ///< "up", "connecting", or "lost", with the reason
  caf::actor node;    ///< empty unless it is up
};

/// Facade to membership. `done` is called once, from an actor thread, when the node is up or the first attempt has
/// failed; then it is not kept.
struct add_member_msg {
  std::string address;
  std::function<void(result<void>)> done;
};
/// Facade to membership: the node is not used any longer. `done` is called as soon as those who use it were told.
struct remove_member_msg {
  std::string address;
  std::function<void(result<void>)> done;
};

struct membership_options {
  remoting* links = nullptr;           ///< must outlive the actor
  std::vector<std::string> addresses;  ///< nodes that belong to the system; they may be linked already
  std::uint64_t seed = 0;
  /// Told whenever something changed, with all members; called on the actor's thread.
  std::function<void(std::vector<member_view>)> on_change;
  /// Told after `on_change` that a node has come, or should be given up.
  std::function<void(const caf::actor&node)> on_joined, on_retiring;
};

caf::actor spawn_membership(caf::event_based_actor* parent, membership_options options);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::add_member_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remove_member_msg)
