#include "live_shares.hpp"

#include <algorithm>

namespace troupe {

using namespace live_shares_limits;

void live_shares::timed(std::uint32_t replica, std::int64_t rows, double seconds, time_point now) {
  if (rows <= 0) return;
  times_[replica].add(seconds / static_cast<double>(rows));
  if (looked_ && now < *looked_ + pause) return;
  if (!std::all_of(times_.begin(), times_.end(), [](const step_times& each) { return each.known(); })) return;
  looked_ = now;
  // All end together when shares are as the rows that each does in a second; what a run takes besides its rows is in
  // the times, so that shares come closer to that with every change.
  std::vector<double> row_s, next;
  double rate = 0, sum = 0;
  for (std::size_t k = 0; k < shares_.size(); ++k) {
    row_s.push_back(times_[k].median() + link_s_[k]);
    if (!(row_s[k] > 0)) return;
    rate += 1 / row_s[k];
  }
  for (const double each : row_s) {
    next.push_back(std::max(1 / (each * rate), share_least / static_cast<double>(shares_.size())));
    sum += next.back();
  }
  double present_s = 0, next_s = 0;
  for (std::size_t k = 0; k < shares_.size(); ++k) {
    next[k] /= sum;
    present_s = std::max(present_s, shares_[k] * row_s[k]);
    next_s = std::max(next_s, next[k] * row_s[k]);
  }
  if (next_s <= present_s * worthwhile) shares_ = std::move(next);
}

}  // namespace troupe
