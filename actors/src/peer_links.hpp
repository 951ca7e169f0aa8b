// The links from one node to others that it was told to have, because stages on both pass steps on to each other. One
// that is lost is made again: nobody else sees that it is gone while both nodes live.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <map>
#include <string>

#include "remoting.hpp"

namespace troupe {

/// To the actor itself: how an attempt to link to a peer ended; else its node actor.
struct peer_linked_msg {
  std::uint64_t ticket = 0;
  result<caf::actor> outcome = error(errc::internal, "");
};
/// Its timer: the link to the node at this address is tried again.
struct relink_msg {
  std::string address;
};

/// Belongs to one actor and is used by it alone.
class peer_links {
public:
  /// `links` outlives the actor.
  peer_links(caf::event_based_actor& self, remoting* links) : self_(self), links_(links) {}

  /// Links to the node at `address`, answers, and keeps the link from then on.
  void connect(const std::string& address, caf::response_promise promise);
  void on_linked(peer_linked_msg& ended);
  void on_due(const relink_msg& due);
  /// Whether it was the node actor of a peer.
  bool on_down(const caf::actor_addr& gone);

private:
  struct attempt {
    std::string address;
    caf::response_promise promise;  ///< of who ordered it, if anybody did
  };
  struct peer {
    caf::actor_addr node;  ///< none while the link is lost
    time_point lost{};
    std::chrono::milliseconds pause{};  ///< before the next attempt
  };

  void try_again_later(std::map<std::string, peer>::iterator which);

  caf::event_based_actor& self_;
  remoting* links_;
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, attempt> attempts_;
  std::map<std::string, peer> peers_;  ///< by address
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer_linked_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::relink_msg)
