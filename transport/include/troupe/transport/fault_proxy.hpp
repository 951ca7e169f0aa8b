// Fault injection between processes: a relay of TCP connections within this machine that does to them what networks
// do. It is never in the way of a node unless somebody gives out its address instead of the node's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/address.hpp"

namespace troupe::wire {

/// A direction of the bytes that pass a proxy.
enum class flow : std::uint8_t { to_target, from_target };

/// What happens to all bytes of one direction from now on.
struct flow_rules {
  /// Nothing passes, neither bytes nor the end of a connection; all of it comes later, once this is over, as it does
  /// with TCP after a partition.
  bool held = false;
  /// With `held`: connections opened by a node that greets with this name pass nevertheless.
  std::string except_of{};
  std::chrono::microseconds delay{0};   ///< later by so much
  std::chrono::microseconds jitter{0};  ///< and by up to so much, at random; the order stays
  std::uint64_t bytes_per_second = 0;   ///< of all connections together; 0: no limit
  std::size_t piece_bytes = 0;          ///< at most so many in one packet; 0: no limit

  friend bool operator==(const flow_rules&, const flow_rules&) = default;
};

/// What happens once, to the next bytes on their way to the target.
struct flow_damage {
  enum class form : std::uint8_t {
    flip,       ///< so many bits, at random places
    cut,        ///< so many bytes are missing
    insert,     ///< so many random bytes come before
    duplicate,  ///< so many bytes come twice
    reset,      ///< after so many bytes the connection is reset
  };
  form what = form::flip;
  std::size_t amount = 1;  ///< as far as the bytes reach that come together
};

/// How connections are ended.
enum class flow_end : std::uint8_t {
  reset,       ///< RST to both sides, and what was under way is lost
  close,       ///< FIN to both sides
  half_close,  ///< FIN to the target only
};

/// Accepts connections at a loopback port of its own and opens one to the target for each, on a thread of its own. At
/// most 1024 connections, and 256 KiB waiting in each direction of each. Every function may be called from any thread
/// and takes effect within milliseconds.
class fault_proxy {
public:
  /// `invalid_argument` for a target outside the loopback interface. `seed`: of jitter and random bytes.
  static result<std::unique_ptr<fault_proxy>> start(const address& target, std::uint64_t seed);
  fault_proxy(const fault_proxy&) = delete;
  fault_proxy& operator=(const fault_proxy&) = delete;
  /// Resets every connection.
  ~fault_proxy();

  /// Where it listens.
  const address& local() const noexcept;

  void set_rules(flow direction, const flow_rules& rules);
  /// New connections are reset at once.
  void refuse(bool refusing);
  /// Damage is done in the order of the calls, one to each lot of bytes; at most 64 wait. False: one too many, which is
  /// not done.
  bool damage(flow_damage next);
  /// What waits is not done any more. How many that were: the last ones of the calls.
  std::size_t forget_damage();
  /// Of all connections that there are now, also while they are held.
  void end_connections(flow_end how);

  struct counts {
    std::size_t connections = 0;  ///< now
    std::uint64_t accepted = 0;
    std::uint64_t bytes_to_target = 0, bytes_from_target = 0;  ///< passed on
    std::uint64_t damaged = 0;                                 ///< of `damage`, those that were done
  };
  counts count() const;

  /// The first bytes, at most 4 KiB, that the last connection sent to the target; empty before the first one.
  std::vector<std::byte> last_opening() const;

private:
  class relay;
  explicit fault_proxy(std::unique_ptr<relay> made);
  std::unique_ptr<relay> relay_;
};

}  // namespace troupe::wire
