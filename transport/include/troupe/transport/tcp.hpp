// Links over TCP. Loopback addresses only until machines can be paired.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"
#include "troupe/transport/identity.hpp"
#include "troupe/transport/limits.hpp"
#include "troupe/transport/link.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::wire {

/// What a machine needs to talk to others: its key, and the keys it trusts.
struct credentials {
  identity self;
  trust_store trusted;
};

/// Which links are encrypted. On an encrypted one both sides prove who they are before anything else.
enum class link_security : std::uint8_t {
  automatic,  ///< all but those within this machine, over its loopback interface
  always,     ///< those too; the other side has to want the same
};

/// How this node greets and how long it waits.
struct tcp_options {
  node_identity self;
  link_profile profile = default_profile;
  /// From the TCP connection to the end of the greeting.
  std::chrono::milliseconds handshake_time = limits::handshake_time_max;
  link_security security = link_security::automatic;
  std::optional<wire::credentials> credentials{};  ///< without them there are no links to other machines
  std::optional<key_hash> expected_key{};          ///< when connecting: nobody but the owner of this key will do
};

/// Connects and greets; the link then waits for `start`. Names are looked up anew each time. Ends by `deadline`.
/// `unavailable`: nobody listens there or the peer broke off; `deadline_exceeded`: it did not answer in time;
/// `unsupported`: it speaks no version that this build knows (the error names both ranges); `invalid_argument`: the
/// address cannot be read, is this node's own, is on another machine that is not paired with this one, or something
/// else than Troupe answers there.
result<std::unique_ptr<link>> connect_tcp(const std::string& where, const tcp_options& options, time_point deadline);

/// Accepts links on one address until it is destroyed. Links that were accepted live on.
class tcp_listener {
public:
  /// Called from the listener's thread with every link that has greeted; it must `start` the link soon, return soon,
  /// and not destroy the listener.
  using accept_function = std::function<void(std::unique_ptr<link>)>;

  virtual ~tcp_listener() = default;
  /// Where it listens, with the port that the system chose if port 0 was asked for.
  virtual const address& local_address() const noexcept = 0;
  /// Links accepted so far, and connections that were closed before they had greeted properly.
  virtual std::size_t accepted_count() const noexcept = 0;
  virtual std::size_t refused_count() const noexcept = 0;
};

/// Listens at `where`. An empty `options.self.listen_address` becomes the listener's own. `unavailable` when another
/// process has the port; `invalid_argument` for an address that other machines reach when there are no credentials or
/// this machine is paired with nobody.
result<std::unique_ptr<tcp_listener>> listen_tcp(const std::string& where, tcp_options options,
                                                 tcp_listener::accept_function on_link);

}  // namespace troupe::wire
