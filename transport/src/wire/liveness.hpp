// When to send a heartbeat and when to give a peer up. Plain state: time is passed in.
#pragma once

#include <optional>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/error.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// Every byte that arrives counts as life, complete frame or not: a long message over a slow link must not look like
/// death. Each side says at every interval how many bytes have reached it: so one that is heard and hears nothing is
/// noticed by both.
class liveness {
public:
  liveness(const link_profile& profile, time_point now)
      : profile_(profile), received_(now), beat_(now), progress_(now), heard_at_(now), reported_(now) {}

  void on_received(time_point now) { received_ = now; }
  void on_sent(time_point now) { progress_ = now; }
  /// A heartbeat has been queued; it may have to wait for bytes before it.
  void on_heartbeat_queued(time_point now) { beat_ = now; }
  /// The peer reports that `arrived` of our bytes have reached it, of the `sent` ones.
  void on_report(std::uint64_t arrived, std::uint64_t sent, time_point now);
  void on_nothing_waits(time_point now) { progress_ = now; }

  bool heartbeat_due(time_point now) const { return now >= beat_ + profile_.heartbeat; }
  /// Why the peer is lost, if it is: silent, deaf, or not reading. Call it after everything that can be read has been
  /// read: this process may have been the one that stood still.
  std::optional<error> verdict(time_point now) const;
  /// When to ask again.
  time_point next_check() const;

private:
  link_profile profile_;
  time_point received_;      // the last byte from the peer
  time_point beat_;          // the last heartbeat to the peer
  time_point progress_;      // the last time that nothing waited, or some of it was taken
  std::uint64_t heard_ = 0;  // bytes of ours that have reached the peer
  time_point heard_at_;      // when that grew last, or was all there was
  time_point reported_;      // the last report
};

}  // namespace troupe::wire
