// How parts move to hosts that come and away from hosts that leave: the part is loaded at its new place first, takes
// its steps there from then on, and is unloaded at the old place when the last step that was sent there has ended.
#include <algorithm>

#include "coordinator_state.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

using namespace coordinator_action;

coordinator_actions coordinator_state::host_up() {
  coordinator_actions out;
  const std::uint32_t host = hosts_.add();
  if (!live_.by_ability()) newcomers_.insert(host);
  rebalance(out);
  return out;
}

coordinator_actions coordinator_state::host_leaving(std::uint32_t host) {
  coordinator_actions out;
  if (!hosts_.alive(host) || host == hosts_.local()) return out;
  hosts_.drain(host);
  for (std::uint32_t part = 0; part < parts_.size(); ++part)
    if (parts_[part].next && parts_[part].next->host == host) {
      out.push_back(unload_part{part, host});
      stop_moving(part);
    }
  moves_changed(out);
  return out;
}

/// Some part does not move any more, or has to.
void coordinator_state::moves_changed(coordinator_actions& out) {
  rebalance(out);
  switch_together(out);
  all_may_be_up(out);
  unload_left_places(out);
  dispatch_waiting(out);
}

/// Whether the part may be there: on a host that takes parts, or where the planner wanted it, in this process.
bool coordinator_state::takes(std::uint32_t host, std::uint32_t part) const {
  return hosts_.wanted(host) || (host == hosts_.local() && layout_->parts[part].host == host);
}

/// Parts leave hosts that take none, and move to those that have come, until no other host has two more.
void coordinator_state::rebalance(coordinator_actions& out) {
  if (failed_ || missing_in_all_ != 0) return;  // done when all parts are up
  for (std::uint32_t part = 0; part < parts_.size(); ++part) {
    const std::uint32_t at = parts_[part].host;
    if (parts_[part].next || takes(at, part)) continue;
    const auto host = hosts_.least_loaded(avoided(part));
    if (host && *host != at) move(part, *host, out);
  }
  std::erase_if(newcomers_, [&](std::uint32_t host) { return !hosts_.wanted(host); });
  const auto fewer = [&](std::uint32_t a, std::uint32_t b) {
    return hosts_.parts_of(a).size() < hosts_.parts_of(b).size();
  };
  while (!newcomers_.empty()) {
    const auto most = hosts_.most_loaded();
    const std::uint32_t least = *std::min_element(newcomers_.begin(), newcomers_.end(), fewer);
    if (!most || hosts_.parts_of(*most).size() < hosts_.parts_of(least).size() + 2) break;
    const auto& candidates = hosts_.parts_of(*most);
    // The last ones, so that neighbours at the beginning stay together.
    const auto chosen = std::find_if(candidates.rbegin(), candidates.rend(), [&](std::uint32_t part) {
      return parts_[part].host == *most && !avoided(part).count(least);
    });
    if (chosen == candidates.rend()) break;
    move(*chosen, least, out);
  }
  newcomers_.clear();
}

/// Hosts that gave the part up, and those where it is about to be unloaded.
std::set<std::uint32_t> coordinator_state::avoided(std::uint32_t part) const {
  std::set<std::uint32_t> hosts = parts_[part].failed_hosts;
  for (const left_place& left : left_places_)
    if (left.part == part) hosts.insert(left.place.host);
  return hosts;
}

void coordinator_state::move(std::uint32_t part, std::uint32_t host, coordinator_actions& out) {
  hosts_.release(parts_[part].host, part);
  hosts_.carry(host, part);
  parts_[part].next = part_place{host, false, 0};
  out.push_back(place_part{part, host});
}

void coordinator_state::stop_moving(std::uint32_t part) {
  hosts_.release(parts_[part].next->host, part);
  hosts_.carry(parts_[part].host, part);
  parts_[part].next.reset();
}

/// Whether this is news from the place that the part moves to.
bool coordinator_state::arrived(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation,
                                coordinator_actions& out) {
  auto& next = parts_[part].next;
  if (!next || next->host != host || incarnation < next->incarnation) return false;
  next->up = true;
  next->incarnation = incarnation;
  if (layout_->stateful)
    switch_together(out);
  else
    switch_over(part, out);
  all_may_be_up(out);
  unload_left_places(out);
  dispatch_waiting(out);
  return true;
}

/// Parts with states: all that move, when all are up where they move to.
void coordinator_state::switch_together(coordinator_actions& out) {
  const auto moving = [](const part_status& each) { return each.next.has_value(); };
  const auto late = [](const part_status& each) { return each.next && !each.next->up; };
  if (!layout_->stateful || std::any_of(parts_.begin(), parts_.end(), late) ||
      std::none_of(parts_.begin(), parts_.end(), moving))
    return;
  lose_state(out);
  for (std::uint32_t part = 0; part < parts_.size(); ++part)
    if (parts_[part].next) switch_over(part, out);
}

void coordinator_state::switch_over(std::uint32_t part, coordinator_actions& out) {
  part_status& status = parts_[part];
  left_place left{part, status, {}};
  const std::uint32_t replica = layout_->parts[part].replica;
  if (status.up)
    for (const auto& [id, request] : requests_)
      for (std::uint32_t micro = 0; micro < request.micros.size(); ++micro)
        if (request.micros[micro].in_flight && request.micros[micro].replica == replica)
          left.steps.push_back({id, micro, request.micros[micro].attempt});
  left_places_.push_back(std::move(left));
  static_cast<part_place&>(status) = {status.next->host, status.up, status.next->incarnation};
  status.next.reset();
  forget_times(part);
  out.push_back(switch_part{part});
  set_up(part, true);
}

/// Whether the part had a place there, which it has left; what was under way there is then to be done again.
bool coordinator_state::left_place_lost(std::uint32_t part, std::uint32_t host, coordinator_actions& out) {
  const auto found = std::find_if(left_places_.begin(), left_places_.end(),
                                  [&](const left_place& left) { return left.part == part && left.place.host == host; });
  if (found == left_places_.end()) return false;
  const left_place left = std::move(*found);
  left_places_.erase(found);
  if (hosts_.alive(host)) out.push_back(unload_part{part, host});
  for (const auto& step : left.steps) {
    const auto request = requests_.find(step.request);
    if (request == requests_.end()) continue;
    micro_batch& batch = request->second.micros[step.micro];
    if (batch.in_flight && batch.attempt == step.attempt && !lose_step(request->second, batch))
      finish(step.request, lost_too_often(), out);
  }
  return true;
}

void coordinator_state::unload_left_places(coordinator_actions& out) {
  if (left_places_.empty()) return;
  for (left_place& left : left_places_)
    left.steps.erase(std::remove_if(left.steps.begin(), left.steps.end(),
                                    [&](const left_place::sent_step& step) {
                                      const auto request = requests_.find(step.request);
                                      if (request == requests_.end()) return true;
                                      const micro_batch& batch = request->second.micros[step.micro];
                                      return !batch.in_flight || batch.attempt != step.attempt;
                                    }),
                     left.steps.end());
  const auto unloaded = std::remove_if(left_places_.begin(), left_places_.end(), [&](const left_place& left) {
    if (!left.steps.empty()) return false;
    out.push_back(unload_part{left.part, left.place.host});
    return true;
  });
  if (unloaded == left_places_.end()) return;
  left_places_.erase(unloaded, left_places_.end());
  rebalance(out);  // the part may go back there now
}

}  // namespace troupe
