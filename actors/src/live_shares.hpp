// How a batch is shared among replicas by what a row was measured to take on each. Plain state, time passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "step_times.hpp"
#include "troupe/engine/deadline.hpp"

namespace troupe {

namespace live_shares_limits {
/// Shares are changed when a batch is expected to be done in this part of the time: another share is another shape, for
/// which devices make their programs anew.
inline constexpr double worthwhile = 0.85;
/// No replica gets less than this part of an even share, so that one that recovers is noticed.
inline constexpr double share_least = 1.0 / 16;
/// In small batches that is no row. One request in so many gives every replica a row when there are enough: one that
/// never gets any has no times. Not each request, since all would wait for the slow one.
inline constexpr std::uint64_t tried_every = 8;
/// Between two looks at the times.
inline constexpr std::chrono::seconds pause{1};
}  // namespace live_shares_limits

class live_shares {
public:
  /// The shares to begin with, which sum to 1, and the seconds a row that links add on the way to each replica.
  live_shares(std::vector<double> shares, std::vector<double> link_s)
      : shares_(std::move(shares)), link_s_(std::move(link_s)), times_(shares_.size()) {}

  const std::vector<double>& shares() const noexcept { return shares_; }
  /// The replica's device took so long for some rows.
  void timed(std::uint32_t replica, std::int64_t rows, double seconds, time_point now);
  /// The replica is somewhere else: what is known of it does not count any more.
  void moved(std::uint32_t replica) { times_[replica] = {}; }
  /// Median seconds that a row took on the replica's device.
  double row_s(std::uint32_t replica) const { return times_[replica].median(); }

private:
  std::vector<double> shares_, link_s_;
  std::vector<step_times> times_;
  std::optional<time_point> looked_;
};

}  // namespace troupe
