// How long the latest steps of one part took.
#pragma once

#include <array>
#include <cstddef>

namespace troupe {

namespace step_times_limits {
/// Steps of which the median counts: one that took long for another reason changes nothing.
inline constexpr std::size_t window = 16;
/// Fewer say nothing yet: the first ones compile programs and warm caches.
inline constexpr std::size_t least = 8;
}  // namespace step_times_limits

class step_times {
public:
  void add(double taken_s) { latest_[steps_++ % latest_.size()] = taken_s; }
  bool known() const noexcept { return steps_ >= step_times_limits::least; }
  /// Of the steps in the window; 0 without any.
  double median() const;

private:
  std::array<double, step_times_limits::window> latest_{};
  std::size_t steps_ = 0;
};

}  // namespace troupe
