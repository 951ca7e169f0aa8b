// Links over TCP. Loopback addresses only until machines can be paired.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"
#include "troupe/transport/limits.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// How this node greets and how long it waits.
struct tcp_options {
  node_identity self;
  link_profile profile = default_profile;
  /// From the TCP connection to the end of the greeting.
  std::chrono::milliseconds handshake_time = limits::handshake_time_max;
};

/// Connects and greets; the link then waits for `start`. Ends by `deadline`. `unavailable`: nobody listens there or the
/// peer broke off; `deadline_exceeded`: it did not answer in time; `unsupported`: it speaks no version that this build
/// knows (the error names both ranges), or the address is not a loopback one; `invalid_argument`: the address cannot be
/// read, is this node's own, or something else than Troupe answers there.
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
/// process has the port; `unsupported` for an address that is not a loopback one.
result<std::unique_ptr<tcp_listener>> listen_tcp(const std::string& where, tcp_options options,
                                                 tcp_listener::accept_function on_link);

}  // namespace troupe::wire
