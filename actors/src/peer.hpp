// One link to another process, and the handles to that process's actors: ordinary `caf::actor`s whose messages travel
// over the link.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "exported_actors.hpp"
#include "troupe/transport/link.hpp"
#include "troupe/transport/records.hpp"
#include "wire_messages.hpp"

namespace troupe {

class peer;

/// What a peer needs of the process at this end, which may be gone before it. Called from any thread.
class peer_owner {
public:
  virtual ~peer_owner() = default;
  /// The living link to another node, if there is one.
  virtual std::shared_ptr<peer> find_peer(const wire::node_id& id) = 0;
  /// The link is lost.
  virtual void forget(const peer& gone) = 0;
  /// The link is closed because of what the peer sent.
  virtual void count_refusal() noexcept = 0;
};

/// Requests on the link are answered once: by the peer, or with `unavailable` when the link is lost, which ends the
/// handles too. Safe to use from any thread.
class peer final : public handle_translator, public std::enable_shared_from_this<peer> {
public:
  /// `self`: who this process is. `dialed`: the address that this side connected to, if it did.
  peer(std::weak_ptr<peer_owner> owner, std::shared_ptr<exported_actors> exports, caf::actor_system& system,
       wire::node_identity self, std::unique_ptr<wire::link> link, std::string dialed);
  ~peer() override;

  /// Call it once. `guest` is released when the link's thread makes no further call, whoever holds the peer.
  void start(std::shared_ptr<void> guest);
  /// Closes the link; what is pending is answered with `why`, from this thread or the link's.
  void close(const error& why);

  const wire::peer_info& info() const { return link_->peer(); }
  bool is_at(const std::string& address) const { return dialed_ == address || info().node.listen_address == address; }
  bool alive() const;

  /// The handle that every process is reached by.
  caf::actor node_actor() { return to_handle({info().node.id, node_actor_number, info().node.listen_address}); }

  wire::actor_ref to_reference(const caf::actor& handle) override;
  caf::actor to_handle(const wire::actor_ref& reference) override;
  time_point now() const override { return system_.clock().now(); }

  /// From a handle: sends what was enqueued there.
  void outgoing(std::uint64_t target, caf::mailbox_element_ptr what);
  /// The answer of an actor here to a request of the peer's.
  void outgoing_answer(std::uint64_t correlation, const caf::message& content);

  /// From the link's thread.
  void on_message(const wire::incoming_message& message);
  void on_closed(const error& reason);

private:
  struct pending_request {
    caf::strong_actor_ptr requester;
    caf::message_id id;
  };

  result<void> post(wire::envelope letter);
  void post_answer(std::uint64_t correlation, wire::body content);
  std::optional<pending_request> take_pending(std::uint64_t correlation);
  void deliver(wire::envelope& letter);
  void refuse(error why);
  void watch(const wire::envelope& letter);
  void proxy_down(const wire::actor_ref& whom, const caf::error& reason);

  std::weak_ptr<peer_owner> owner_;
  std::shared_ptr<exported_actors> exports_;
  caf::actor_system& system_;
  wire::node_identity self_;
  std::unique_ptr<wire::link> link_;
  const std::string dialed_;
  caf::strong_actor_ptr answers_;                             // takes what actors here answer to requests of the peer's
  std::unordered_map<std::uint64_t, caf::actor_id> watched_;  ///< by the peer; for the link's thread

  mutable std::mutex mutex_;
  bool lost_ = false;
  std::uint64_t correlations_ = 0;
  std::unordered_map<std::uint64_t, pending_request> pending_;
  std::unordered_map<std::uint64_t, caf::strong_actor_ptr> proxies_;
};

}  // namespace troupe
