// When to send a heartbeat and when to give a peer up. Plain state: time is passed in.
#pragma once

#include <optional>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/error.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// Every byte that arrives counts as life, complete frame or not: a long message over a slow link must not look like
/// death. Every byte sent counts as a heartbeat of ours.
class liveness {
public:
  liveness(const link_profile& profile, time_point now)
      : profile_(profile), received_(now), sent_(now), progress_(now) {}

  void on_received(time_point now) { received_ = now; }
  void on_sent(time_point now) { sent_ = progress_ = now; }
  /// A heartbeat has been queued; it may have to wait for bytes before it.
  void on_heartbeat_queued(time_point now) { sent_ = now; }
  void on_nothing_waits(time_point now) { progress_ = now; }

  bool heartbeat_due(time_point now) const { return now >= sent_ + profile_.heartbeat; }
  /// Why the peer is lost, if it is: silent, or not reading. Call it after everything that can be read has been read:
  /// this process may have been the one that stood still.
  std::optional<error> verdict(time_point now) const;
  /// When to ask again.
  time_point next_check() const;

private:
  link_profile profile_;
  time_point received_;  // the last byte from the peer
  time_point sent_;      // the last byte to the peer
  time_point progress_;  // the last time that nothing waited, or some of it was taken
};

}  // namespace troupe::wire
