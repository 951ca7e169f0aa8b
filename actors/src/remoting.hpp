// Handles to actors of other nodes: ordinary `caf::actor`s whose messages travel over transport links.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/transport/link_network.hpp"
#include "troupe/transport/tcp.hpp"

namespace troupe {

struct remoting_options {
  std::string name;                       ///< of this node, told to peers
  std::filesystem::path state_directory;  ///< of its key and of those it trusts; empty: no links to other machines
  wire::link_security security = wire::link_security::automatic;
  std::shared_ptr<wire::link_network> network;  ///< in place of TCP; empty: TCP
};

/// All links of one process, and the proxies that live on them. A peer may send what its role allows, to the node actor
/// and to actors that it, or somebody who trusts it, was told of: their numbers are random, so that knowing one is the
/// permission. A lost link answers every pending request with
/// `unavailable`, ends its proxies (their monitors fire) and is forgotten. Safe to use from any thread.
class remoting {
public:
  remoting(caf::actor_system& system, const remoting_options& options);
  remoting(const remoting&) = delete;
  remoting& operator=(const remoting&) = delete;
  /// Stops.
  ~remoting();

  /// Makes `node` the actor that peers reach when they connect. Before `listen` and `connect`.
  void publish_node(const caf::actor& node);

  /// Accepts links from peers; returns the port.
  result<std::uint16_t> listen(std::string_view address);

  /// A handle to the node actor of the process that listens at `address`; an existing link to that process is used
  /// again. With `owner`, nobody but the machine with this key will do. Blocks until `deadline` at most: not for
  /// actors.
  result<caf::actor> connect(std::string_view address, time_point deadline, std::optional<wire::key_hash> owner = {});

  /// The same for actors: returns at once and calls `done` once from another thread.
  void connect_async(std::string address, time_point deadline, std::function<void(result<caf::actor>)> done);

  /// Links that were closed because the peer sent what its role does not allow, or what is no record.
  std::size_t refused_count() const noexcept;

  /// Closes all links, ends all proxies and waits for the links' threads. Afterwards nothing is sent or received any
  /// more, and the actor system may go.
  void stop();

  struct implementation;

private:
  std::shared_ptr<implementation> impl_;
};

}  // namespace troupe
