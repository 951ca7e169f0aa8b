// How two machines that share a short code come to trust each other's keys. One hosts: it shows the code and waits. The
// other joins: somebody types the code there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"
#include "troupe/transport/pairing_code.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::limits {

/// A code ends after so many wrong guesses, or this time.
inline constexpr std::size_t pairing_guesses_max = 3;
inline constexpr std::chrono::seconds pairing_code_life{300};
/// From a connection to the end of its exchange, and to the first message: meanwhile nobody else is served.
inline constexpr std::chrono::milliseconds pairing_exchange_time_max{10'000};
inline constexpr std::chrono::milliseconds pairing_greeting_time_max{3'000};
/// Connections that wait while one is served, in the operating system.
inline constexpr int pairing_backlog = 8;
/// Bytes of a message of the exchange, and addresses in it.
inline constexpr std::size_t pairing_message_bytes_max = 1024;
inline constexpr std::size_t pairing_addresses_max = 4;

}  // namespace troupe::limits

namespace troupe::wire {

/// What a machine says about itself when it pairs. The exchange proves to both that these are the very bytes that the
/// other one has: whoever changes a key, a name or a role on the way is taken for one who does not know the code.
struct pairing_card {
  key_hash key;
  std::string name;                           ///< for people; 1 to `limits::node_name_bytes_max` printable bytes
  peer_role grants = peer_role::coordinator;  ///< what the other machine may do on this one
  std::vector<std::string> addresses;         ///< "HOST:PORT" where this machine's node listens, if known
};

/// The other side of a pairing.
struct paired_machine {
  trusted_peer peer;                           ///< to be stored: its role is what this side grants
  peer_role granted = peer_role::coordinator;  ///< what this machine may do there
};

/// Stores a machine that knows the code. When it fails, the other side is told and stores nothing.
using keep_function = std::function<result<void>(const trusted_peer&)>;

/// The side that shows the code. It serves one connection after the other, each within
/// `limits::pairing_exchange_time_max`; nothing it sends says anything about the code. For one thread.
class pairing_host {
public:
  /// Listens at `where`, on any interface, and draws a code. `invalid_argument` for a card that breaks a limit,
  /// `unavailable` when nothing can listen there.
  static result<pairing_host> open(const address& where, pairing_card mine);
  pairing_host(pairing_host&&) noexcept;
  pairing_host& operator=(pairing_host&&) noexcept;
  ~pairing_host();

  const pairing_code& code() const noexcept;
  /// With the port that the system chose if 0 was asked for.
  const address& local_address() const noexcept;

  /// Told the guesses that are left after a wrong one.
  using guess_observer = std::function<void(std::size_t guesses_left)>;

  /// Serves until a machine has paired or `deadline` (then `deadline_exceeded`; it may be called again). When the code
  /// has ended, `unavailable`: it was used, was guessed wrongly too often, or is too old.
  result<paired_machine> wait(const keep_function& keep, time_point deadline, const guess_observer& on_guess = {});

private:
  struct implementation;
  explicit pairing_host(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

/// The side where the code is typed: pairs with the machine that waits at `where`. Ends by `deadline`.
/// `invalid_argument`: the code is wrong; `unavailable`: nobody waits there, the code has ended, or the machine broke
/// off; `unsupported`: it speaks another version; `deadline_exceeded`.
result<paired_machine> join_pairing(const address& where, const pairing_code& code, pairing_card mine,
                                    time_point deadline);

}  // namespace troupe::wire
