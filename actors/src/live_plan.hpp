// Where the parts of a pipeline would be better off by what their steps were measured to take. Plain state, time passed
// in. docs/planning.md tells how it decides.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "plan.hpp"
#include "step_times.hpp"
#include "troupe/engine/deadline.hpp"

namespace troupe {

namespace live_plan_limits {
/// Hosts must differ so much in how their parts' times compare with what was expected before anything is looked at.
inline constexpr double apart = 1.5;
/// Moves have to shorten the interval between results to this part of it, and by this time.
inline constexpr double worthwhile = 0.85, gain_least_s = 1e-3;
/// What they save in this time has to be more than they cost: the way of the weights, loading, and making states again.
inline constexpr double horizon_s = 30, loading_s = 0.5, states_s = 5;
/// Between two looks at the times.
inline constexpr std::chrono::seconds pause{2};
/// How long a host that has no part any more counts as slow as it was: afterwards it may have recovered.
inline constexpr std::chrono::minutes remembered{10};
}  // namespace live_plan_limits

struct part_move {
  std::uint32_t part = 0, host = 0;
  friend bool operator==(const part_move&, const part_move&) = default;
};

class live_plan {
public:
  explicit live_plan(std::shared_ptr<const plan> layout) : layout_(std::move(layout)), times_(layout_->parts.size()) {}

  /// Hosts have to be `host_known` before parts move there: the plan was made by what they reach.
  bool by_ability() const { return layout_->basis && layout_->basis->surveyed; }
  void host_known(std::uint32_t host, planning_node node);

  /// A step of the part took so long on its device.
  void timed(std::uint32_t part, double seconds) { times_[part].add(seconds); }
  /// The part is somewhere else: what its steps took does not count any more.
  void moved(std::uint32_t part) { times_[part] = {}; }
  /// Median of a part's latest steps; 0 without any.
  double step_s(std::uint32_t part) const { return times_[part].median(); }

  /// Whether it is time for another look at what is `better`.
  bool due(time_point now) const { return layout_->basis && (!looked_ || now >= *looked_ + live_plan_limits::pause); }
  /// The moves that repay themselves; mostly none. `at`: where each part is; `wanted`: hosts that take parts;
  /// `refused`: whether a host must not get a part.
  std::vector<part_move> better(const std::vector<std::uint32_t>& at, const std::vector<std::uint32_t>& wanted,
                                const std::function<bool(std::uint32_t part, std::uint32_t host)>& refused,
                                time_point now);

private:
  struct slowness {
    double factor = 1;  ///< of what was expected
    time_point seen;
  };
  std::optional<planning_node> node_of(std::uint32_t host) const;
  bool measure(const std::vector<std::uint32_t>& at, time_point now);

  std::shared_ptr<const plan> layout_;
  std::vector<step_times> times_;                 ///< by part
  std::map<std::uint32_t, planning_node> nodes_;  ///< hosts whose abilities are known
  std::map<std::uint32_t, slowness> slower_;      ///< hosts that have or had parts
  bool newcomer_ = false;                         ///< a host has become known since the last look
  std::optional<time_point> looked_;
};

}  // namespace troupe
