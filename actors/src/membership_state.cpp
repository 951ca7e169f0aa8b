#include "membership_state.hpp"

#include <algorithm>

#include "random_number.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<std::uint32_t> membership_state::add(std::string address) {
  if (find(address)) return fail(errc::invalid_argument, "the node {} belongs to this system already", address);
  if (members_.size() >= membership_limits::members_max)
    return fail(errc::unavailable, "this system has {} other nodes, which is the limit", members_.size());
  members_[++numbers_].address = std::move(address);
  return numbers_;
}

bool membership_state::joined(std::uint32_t number, time_point now) {
  const auto found = members_.find(number);
  if (found == members_.end()) return false;
  found->second.phase = member_phase::up;
  found->second.up_since = now;
  found->second.last_error.reset();
  return true;
}

std::optional<duration> membership_state::failed(std::uint32_t number, const error& why, time_point now) {
  const auto found = members_.find(number);
  if (found == members_.end()) return std::nullopt;
  member& each = found->second;
  if (each.phase == member_phase::up && now - each.up_since >= membership_limits::steady) each.failures = 0;
  each.phase = member_phase::waiting;
  each.last_error = why;
  const auto doubled = membership_limits::retry_min * (1u << std::min(each.failures++, 16u));
  // From half of the pause to all of it.
  const double share = 0.5 + 0.5 * static_cast<double>(next_random(random_) >> 11) * 0x1p-53;
  return std::chrono::duration_cast<duration>(std::min<duration>(doubled, membership_limits::retry_max) * share);
}

bool membership_state::due(std::uint32_t number) {
  const auto found = members_.find(number);
  if (found == members_.end() || found->second.phase != member_phase::waiting) return false;
  found->second.phase = member_phase::connecting;
  return true;
}

std::optional<std::uint32_t> membership_state::find(const std::string& address) const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const auto& each) { return each.second.address == address; });
  if (found == members_.end()) return std::nullopt;
  return found->first;
}

}  // namespace troupe
