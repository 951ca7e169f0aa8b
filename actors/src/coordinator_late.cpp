// Shares of a batch that are late: given to another replica as well.
#include <algorithm>

#include "coordinator_state.hpp"

namespace troupe {

using namespace coordinator_action;

coordinator_actions coordinator_state::micro_joined(std::uint64_t id, std::uint32_t micro, time_point now) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end() || micro >= found->second.micros.size()) return out;
  request_status& request = found->second;
  micro_batch& done = request.micros[micro];
  if (!done.in_flight || done.taken) return out;
  done.in_flight = false;
  done.taken = now - request.submitted;
  for (const micro_batch& batch : request.micros)
    if (const auto limit = late_after(request, batch)) {
      out.push_back(arm_late{id, std::max<duration>(request.submitted + *limit - now, duration::zero())});
      break;  // shares are of about equal time; what is early when the timer ends is looked at again
    }
  unload_left_places(out);
  return out;
}

/// Since the submission; nothing while fewer than half of the others are there to compare with.
std::optional<duration> coordinator_state::late_after(const request_status& request, const micro_batch& batch) const {
  if (!batch.in_flight || batch.reissued) return std::nullopt;
  std::vector<double> seconds_a_row;
  for (const micro_batch& other : request.micros)
    if (other.taken) seconds_a_row.push_back(std::chrono::duration<double>(*other.taken).count() / other.rows);
  if (seconds_a_row.empty() || seconds_a_row.size() * 2 < request.micros.size()) return std::nullopt;
  const auto middle = seconds_a_row.begin() + static_cast<std::ptrdiff_t>(seconds_a_row.size() / 2);
  std::nth_element(seconds_a_row.begin(), middle, seconds_a_row.end());
  const std::chrono::duration<double> limit(*middle * static_cast<double>(batch.rows) *
                                            coordinator_limits::late_factor);
  return std::max<duration>(std::chrono::duration_cast<duration>(limit), coordinator_limits::late_least);
}

coordinator_actions coordinator_state::late_due(std::uint64_t id, time_point now) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end()) return out;
  request_status& request = found->second;
  std::optional<time_point> next;
  for (std::uint32_t micro = 0; micro < request.micros.size(); ++micro) {
    const auto limit = late_after(request, request.micros[micro]);
    if (!limit) continue;
    const time_point due = request.submitted + *limit;
    if (now >= due)
      reissue(id, request, micro, now, out);
    else
      next = std::min(next.value_or(due), due);
  }
  if (next) out.push_back(arm_late{id, *next - now});
  unload_left_places(out);
  return out;
}

/// To the replica that was quickest with its own share.
void coordinator_state::reissue(std::uint64_t id, request_status& request, std::uint32_t micro, time_point now,
                                coordinator_actions& out) {
  micro_batch& batch = request.micros[micro];
  const micro_batch* quickest = nullptr;
  for (const micro_batch& other : request.micros)
    if (other.taken && other.replica != batch.replica && complete(other.replica) &&
        (!quickest || *other.taken < *quickest->taken))
      quickest = &other;
  if (!quickest) return;
  batch.reissued = true;
  // It takes this long at least; when it ends, nobody waits for it any more.
  live_shares_.timed(batch.replica, batch.rows, std::chrono::duration<double>(now - request.submitted).count(), now);
  send_to(id, request, micro, quickest->replica, out);
}

}  // namespace troupe
