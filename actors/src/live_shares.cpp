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
  double rate = 0, present_s = 0;
  std::vector<double> rates;
  for (std::size_t k = 0; k < shares_.size(); ++k) {
    const double row = times_[k].median() + link_s_[k];
    if (!(row > 0)) return;
    rates.push_back(1 / row);
    rate += rates.back();
    present_s = std::max(present_s, shares_[k] * row);
  }
  if (1 / rate > present_s * worthwhile) return;
  for (std::size_t k = 0; k < shares_.size(); ++k) shares_[k] = rates[k] / rate;
}

}  // namespace troupe
