// What steps were measured to take: parts move by it to where they take less, and batches are shared by it.
#include <algorithm>

#include "coordinator_state.hpp"

namespace troupe {

using namespace coordinator_action;

coordinator_actions coordinator_state::host_known(std::uint32_t host, std::optional<planning_node> node) {
  coordinator_actions out;
  if (!hosts_.alive(host)) return out;
  if (node) {
    live_.host_known(host, std::move(*node));
  } else if (host > hosts_.local()) {
    newcomers_.insert(host);
    rebalance(out);
  }
  return out;
}

coordinator_actions coordinator_state::timed(std::uint64_t id, std::uint32_t attempt, std::uint32_t micro,
                                             const std::vector<float>& stage_seconds, time_point now) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end() || micro >= found->second.micros.size()) return out;
  const micro_batch& batch = found->second.micros[micro];
  if (batch.attempt != attempt || stage_seconds.size() != layout_->stages) return out;
  if (sent_elsewhere(id, attempt, micro)) return out;
  if (layout_->mode == parallel_mode::data) {
    live_shares_.timed(batch.replica, batch.rows, stage_seconds[0], now);
  } else if (layout_->mode == parallel_mode::pipeline) {
    for (std::uint32_t stage = 0; stage < layout_->stages; ++stage) live_.timed(stage, stage_seconds[stage]);
    follow_times(now, out);
  }
  return out;
}

/// Whether a part that the step passed was elsewhere when it was sent.
bool coordinator_state::sent_elsewhere(std::uint64_t id, std::uint32_t attempt, std::uint32_t micro) const {
  const auto sent = [&](const left_place::sent_step& step) {
    return step.request == id && step.micro == micro && step.attempt == attempt;
  };
  return std::any_of(left_places_.begin(), left_places_.end(),
                     [&](const left_place& left) { return std::any_of(left.steps.begin(), left.steps.end(), sent); });
}

void coordinator_state::follow_times(time_point now, coordinator_actions& out) {
  const auto moving = [](const part_status& part) { return part.next.has_value(); };
  if (!live_.due(now) || failed_ || missing_in_all_ != 0 || !left_places_.empty() ||
      std::any_of(parts_.begin(), parts_.end(), moving))
    return;
  std::vector<std::uint32_t> at, wanted;
  for (const part_status& part : parts_) at.push_back(part.host);
  for (std::uint32_t host = 0; host < hosts_.size(); ++host)
    if (hosts_.wanted(host)) wanted.push_back(host);
  const auto refused = [&](std::uint32_t part, std::uint32_t host) {
    const part_status& status = parts_[part];
    return !takes(host, part) || status.failed_hosts.count(host) || status.declined_hosts.count(host);
  };
  for (const part_move& each : live_.better(at, wanted, refused, now)) move(each.part, each.host, out);
}

void coordinator_state::forget_times(std::uint32_t part) {
  live_.moved(part);
  if (layout_->mode == parallel_mode::data) live_shares_.moved(layout_->parts[part].replica);
}

double coordinator_state::step_s(std::uint32_t part) const {
  return layout_->mode == parallel_mode::data ? live_shares_.row_s(layout_->parts[part].replica) : live_.step_s(part);
}

}  // namespace troupe
