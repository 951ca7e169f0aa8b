#include "wire/liveness.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {

result<void> validate(const link_profile& profile) {
  if (profile.heartbeat < limits::heartbeat_min || profile.heartbeat > limits::heartbeat_max)
    return fail(errc::invalid_argument, "a heartbeat every {} ms is outside the allowed {} to {} ms",
                profile.heartbeat.count(), limits::heartbeat_min.count(), limits::heartbeat_max.count());
  if (profile.dead < 2 * profile.heartbeat || profile.dead > limits::dead_max)
    return fail(errc::invalid_argument,
                "giving a peer up after {} ms is outside the allowed {} ms (two heartbeats) to {} ms",
                profile.dead.count(), 2 * profile.heartbeat.count(), limits::dead_max.count());
  return {};
}

void liveness::on_report(std::uint64_t arrived, std::uint64_t sent, time_point now) {
  reported_ = now;
  if (arrived <= heard_ && arrived < sent) return;
  heard_ = arrived;
  heard_at_ = now;
}

std::optional<error> liveness::verdict(time_point now) const {
  if (now >= received_ + profile_.dead)
    return fail(errc::unavailable, "the peer has been silent for {} ms and is given up", profile_.dead.count());
  // Its own bound comes first; this is for when its farewell does not come.
  if (reported_ >= heard_at_ + profile_.dead + profile_.heartbeat)
    return fail(errc::unavailable, "the peer is heard but has heard nothing for {} ms and is given up",
                (profile_.dead + profile_.heartbeat).count());
  if (now >= progress_ + limits::write_stall_time_max)
    return fail(errc::unavailable, "the peer has read nothing for {} ms and is given up",
                limits::write_stall_time_max.count());
  return std::nullopt;
}

time_point liveness::next_check() const {
  return std::min({received_ + profile_.dead, beat_ + profile_.heartbeat, progress_ + limits::write_stall_time_max});
}

}  // namespace troupe::wire
