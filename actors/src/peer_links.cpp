#include "peer_links.hpp"

#include <caf/send.hpp>

#include "caf_error.hpp"
#include "model_messages.hpp"

namespace troupe {
namespace {

/// How long one attempt may take.
constexpr std::chrono::seconds connect_patience{5};
/// A lost link is tried again after so long, then after twice as long each time up to the most, and given up in the
/// end.
constexpr std::chrono::milliseconds pause_least{20}, pause_most{5000};
constexpr std::chrono::minutes patience{10};
constexpr std::size_t peers_max = 256;

}  // namespace

void peer_links::connect(const std::string& address, caf::response_promise promise) {
  const std::uint64_t ticket = ++tickets_;
  attempts_.emplace(ticket, attempt{address, std::move(promise)});
  // The callback runs on another thread: only a message may come back from there.
  links_->connect_async(address, self_.clock().now() + connect_patience,
                        [self = caf::actor_cast<caf::actor_addr>(&self_), ticket](result<caf::actor> outcome) {
                          if (const auto alive = caf::actor_cast<caf::actor>(self))
                            caf::anon_send(alive, peer_linked_msg{ticket, std::move(outcome)});
                        });
}

void peer_links::on_linked(peer_linked_msg& ended) {
  auto found = attempts_.extract(ended.ticket);
  if (found.empty()) return;
  auto& [address, promise] = found.mapped();
  if (promise.pending()) {
    if (ended.outcome)
      promise.deliver(ok_atom::value);
    else
      promise.deliver(to_caf(ended.outcome.error()));
  }
  const auto known = peers_.find(address);
  if (!ended.outcome) {
    if (known != peers_.end() && !known->second.node) try_again_later(known);
    return;
  }
  const caf::actor_addr node = (*ended.outcome)->address();
  if (known != peers_.end() ? known->second.node == node : peers_.size() >= peers_max) return;
  peers_[address] = {node, {}, pause_least};
  self_.monitor(*ended.outcome);
}

void peer_links::on_due(const relink_msg& due) {
  const auto known = peers_.find(due.address);
  if (known != peers_.end() && !known->second.node) connect(due.address, {});
}

bool peer_links::on_down(const caf::actor_addr& gone) {
  for (auto each = peers_.begin(); each != peers_.end(); ++each) {
    if (each->second.node != gone) continue;
    each->second = {{}, self_.clock().now(), pause_least};
    try_again_later(each);
    return true;
  }
  return false;
}

void peer_links::try_again_later(std::map<std::string, peer>::iterator which) {
  if (self_.clock().now() > which->second.lost + patience) {
    peers_.erase(which);  // whoever needs it orders it again
    return;
  }
  self_.delayed_send(&self_, which->second.pause, relink_msg{which->first});
  which->second.pause = std::min(2 * which->second.pause, pause_most);
}

}  // namespace troupe
