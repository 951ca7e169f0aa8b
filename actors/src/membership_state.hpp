// Which other nodes belong to this system, which of them are there, and when to try again to reach the others. Plain
// state: events in, actions out, time passed in.
//
//   connecting --joined--> up --lost--> waiting --due--> connecting
//   connecting --failed--> waiting
//   any --remove--> gone
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

namespace membership_limits {
/// Other nodes of one system.
inline constexpr std::size_t members_max = 1024;
/// The pause before a lost node is tried again. It doubles with every failure up to the second figure; a node that was
/// up for `steady` begins anew, so that one that comes and goes moves no parts more often than every few seconds.
inline constexpr std::chrono::milliseconds retry_min{50};
inline constexpr std::chrono::milliseconds retry_max{5'000};
inline constexpr std::chrono::seconds steady{30};
}  // namespace membership_limits

enum class member_phase : std::uint8_t { connecting, up, waiting };

class membership_state {
public:
  struct member {
    std::string address;
    member_phase phase = member_phase::connecting;
    std::uint32_t failures = 0;  ///< in a row
    time_point up_since;
    std::optional<error> last_error;
  };

  /// `seed` spreads the pauses of several programs that lost the same node.
  explicit membership_state(std::uint64_t seed) : random_(seed) {}

  /// The member's number, which no other ever has; it is connecting. `invalid_argument` when it belongs to the system
  /// already, `unavailable` at the limit.
  result<std::uint32_t> add(std::string address);
  /// False when it was removed meanwhile.
  bool joined(std::uint32_t number, time_point now);
  /// It could not be reached, or was lost: how long to wait before `due`; nothing when it was removed.
  std::optional<duration> failed(std::uint32_t number, const error& why, time_point now);
  /// Whether to connect now.
  bool due(std::uint32_t number);
  void remove(std::uint32_t number) { members_.erase(number); }

  std::optional<std::uint32_t> find(const std::string& address) const;
  const std::map<std::uint32_t, member>& members() const noexcept { return members_; }

private:
  std::map<std::uint32_t, member> members_;
  std::uint32_t numbers_ = 0;
  std::uint64_t random_;
};

}  // namespace troupe
