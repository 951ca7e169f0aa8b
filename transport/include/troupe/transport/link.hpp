// A connection to one other node: ordered, bounded, supervised by heartbeats. What carries it (TCP, memory, a
// simulator) is hidden behind this interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "troupe/engine/result.hpp"
#include "troupe/transport/message.hpp"
#include "troupe/transport/node_id.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::wire {

/// Versions of the protocol that this build speaks. Two nodes use the highest one that both know.
inline constexpr std::uint16_t protocol_version_min = 1;
inline constexpr std::uint16_t protocol_version_max = 1;

/// How fast a silent peer is given up. Both sides use the shorter interval and the shorter bound of the two, so a fast
/// node never takes a slow one for dead because they were configured differently.
struct link_profile {
  std::chrono::milliseconds heartbeat{500};  ///< something is sent at least this often
  std::chrono::milliseconds dead{2000};      ///< no byte for so long: the peer is lost
  friend bool operator==(const link_profile&, const link_profile&) = default;
};
/// For any network.
inline constexpr link_profile default_profile{};
/// For the loopback interface and wired networks.
inline constexpr link_profile fast_profile{std::chrono::milliseconds{200}, std::chrono::milliseconds{1000}};

/// Checks the bounds of `limits` and that a peer may miss at least one heartbeat.
result<void> validate(const link_profile& profile);

/// What a node says about itself when it greets.
struct node_identity {
  node_id id;
  std::string name;            ///< for people; at most `limits::node_name_bytes_max` printable bytes
  std::string listen_address;  ///< "HOST:PORT" where it accepts links; empty when it does not
};

/// What is known for certain about the other side, whatever it says about itself.
struct peer_proof {
  key_hash key;  ///< that it has proved to own; nobody's within this machine, where none is asked
  peer_role role = peer_role::observer;  ///< what it may send
};

/// The other side of a link.
struct peer_info {
  node_identity node;
  std::uint16_t version = 0;  ///< of the protocol that both sides use
  peer_proof proof;
};

/// Receives what happens on a link. Called from the link's own thread, one call at a time: any number of `on_message`
/// and `on_room`, then exactly one `on_closed`, then nothing more. A handler must return soon: while it runs nothing is
/// read, and the peer hears no heartbeat.
class link_handler {
public:
  virtual ~link_handler() = default;
  virtual void on_message(incoming_message message) = 0;
  /// The link is over. `cancelled` or what `close` was given: this side closed it. `unavailable`: the peer closed it,
  /// died, fell silent or does not read, or is not trusted any more. `invalid_argument`: the peer broke the protocol.
  virtual void on_closed(const error& reason) = 0;
  /// A message had been refused because the queue was full, and now at least half of the queue is free.
  virtual void on_room() {}
};

/// One link. Every function may be called from any thread, also from within the handler. Destroying a link closes it
/// and waits for its thread (not when the handler itself destroys it), at most `limits::close_drain_time_max` plus
/// what the handler takes.
class link {
public:
  link() = default;
  link(const link&) = delete;
  link& operator=(const link&) = delete;
  virtual ~link() = default;

  /// Starts delivery; call it once, within the profile's `dead` time after the link was made.
  virtual void start(std::shared_ptr<link_handler> handler) = 0;

  /// Queues a message; never blocks. Success does not mean that it arrives: when the link is lost, what was on its way
  /// is lost with it. `unavailable` when the queue is full (the message says how many bytes wait; `on_room` says when
  /// to try again) or the link is closed; `invalid_argument` for a message that breaks a limit.
  virtual result<void> send(outgoing_message message) = 0;

  /// Ends the link from this side and returns at once. What waits may still go out for
  /// `limits::close_drain_time_max`; no message is delivered any more. `on_closed` follows with `why`, and the peer is
  /// told what it says. The first reason counts.
  virtual void close(error why) = 0;
  void close() { close(error(errc::cancelled, "this side has closed the link")); }

  /// Who is on the other side; the same for the life of the link.
  virtual const peer_info& peer() const noexcept = 0;

  /// Bytes that wait to be sent.
  virtual std::size_t queued_bytes() const = 0;
};

}  // namespace troupe::wire
