#include "coordinator_state.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

using namespace coordinator_action;

namespace {
error state_lost(std::uint64_t wanted, std::uint64_t present) {
  return fail(errc::state_lost,
              "a part of the model was lost, and what it kept from run to run with it: state epoch {} is over, the "
              "present one is {}; run again what made the state",
              wanted, present);
}
}  // namespace

coordinator_state::coordinator_state(std::shared_ptr<const plan> layout, std::uint32_t remote_hosts,
                                     std::uint64_t first_state_epoch)
    : layout_(std::move(layout)),
      hosts_(remote_hosts),
      parts_(layout_->parts.size()),
      missing_(layout_->replicas, layout_->stages),
      missing_in_all_(static_cast<std::uint32_t>(parts_.size())),
      live_(layout_),
      live_shares_(shares_of(*layout_)),
      state_epoch_(first_state_epoch) {}

coordinator_actions coordinator_state::start() {
  coordinator_actions out;
  const std::size_t usable = std::max<std::size_t>(hosts_.size() - 1, 1);
  for (std::uint32_t part = 0; part < parts_.size(); ++part) {
    const auto wished = layout_->parts[part].host;
    parts_[part].host =
        wished && *wished < hosts_.size() ? *wished : first_host(layout_->mode, part, parts_.size(), usable);
    hosts_.carry(parts_[part].host, part);
    out.push_back(place_part{part, parts_[part].host});
  }
  return out;
}

void coordinator_state::set_up(std::uint32_t part, bool up) {
  if (std::exchange(parts_[part].up, up) == up) return;
  std::uint32_t& missing = missing_[layout_->parts[part].replica];
  missing += up ? -1 : 1;
  missing_in_all_ += up ? -1 : 1;
}

/// On the living host with the fewest parts that has not given this part up; on this process only when no other node is
/// left. A part that was about to move is then where it was to go.
void coordinator_state::place(std::uint32_t part, const error& why, coordinator_actions& out) {
  part_status& status = parts_[part];
  set_up(part, false);
  hosts_.release(status.host, part);
  forget_times(part);
  if (status.next) {
    const part_place next = *std::exchange(status.next, std::nullopt);
    status.host = next.host;
    status.incarnation = next.incarnation;
    if (!next.up) return;
    out.push_back(switch_part{part});
    set_up(part, true);
    return all_may_be_up(out);
  }
  unload_left_places(out);
  const auto host = hosts_.least_loaded(avoided(part));
  if (!host) return fail_plan(why, out);
  status.host = *host;
  status.incarnation = 0;
  hosts_.carry(*host, part);
  out.push_back(place_part{part, *host});
}

coordinator_actions coordinator_state::submit(std::uint64_t id, std::vector<tensor> inputs, time_point deadline,
                                              time_point now, std::uint64_t state_epoch) {
  coordinator_actions out;
  const auto refuse = [&](error why) {
    out.push_back(answer{id, std::move(why)});
    return std::move(out);
  };
  if (failed_) return refuse(*failed_);
  if (now >= deadline) return refuse(error(errc::deadline_exceeded, "the deadline of the request is already over"));
  if (requests_.size() >= coordinator_limits::requests_max)
    return refuse(
        fail(errc::unavailable, "{} requests are under way, which is the limit; try again later", requests_.size()));
  if (layout_->stateful && state_epoch != 0 && state_epoch != state_epoch_)
    return refuse(state_lost(state_epoch, state_epoch_));
  request_status request{std::move(inputs), deadline, {}, 0, state_epoch, 0, now};
  if (layout_->mode == parallel_mode::data) {
    if (request.inputs.empty())
      return refuse(error(errc::invalid_argument, "a model without inputs has no batch to split"));
    for (const tensor& input : request.inputs)
      if (input.dims().rank() == 0 || input.dims()[0] != request.inputs[0].dims()[0])
        return refuse(
            error(errc::invalid_argument,
                  "splitting a batch needs the same extent along axis 0 in every input; one is " + input.describe()));
    const std::int64_t rows = request.inputs[0].dims()[0];
    if (rows == 0) return refuse(error(errc::invalid_argument, "the batch is empty"));
    const auto shares = split_rows(*layout_, rows, id, live_shares_.shares());
    std::int64_t first = 0;
    for (std::uint32_t replica = 0; replica < shares.size(); ++replica) {
      if (shares[replica] > 0) request.micros.push_back({first, shares[replica], replica, 0, false, false, {}});
      first += shares[replica];
    }
  } else {
    for (std::uint32_t replica = 0; replica < layout_->replicas; ++replica)
      request.micros.push_back({0, -1, replica, 0, false, false, {}});
  }
  out.push_back(expect_join{id, static_cast<std::uint32_t>(request.micros.size()), 0});
  const auto entered = requests_.emplace(id, std::move(request)).first;
  dispatch_all(id, entered->second, out);
  return out;
}

void coordinator_state::dispatch_all(std::uint64_t id, request_status& request, coordinator_actions& out) {
  for (std::uint32_t micro = 0; micro < request.micros.size(); ++micro)
    if (!request.micros[micro].in_flight && !request.micros[micro].taken) dispatch(id, request, micro, out);
}

void coordinator_state::dispatch_waiting(coordinator_actions& out) {
  for (auto& [id, request] : requests_) dispatch_all(id, request, out);
}

/// Sends the micro-batch if a replica can take it; otherwise it stays waiting. Replicas of `data` stand in for each
/// other.
void coordinator_state::dispatch(std::uint64_t id, request_status& request, std::uint32_t micro,
                                 coordinator_actions& out) {
  if (repeat_from_) return;
  micro_batch& batch = request.micros[micro];
  std::uint32_t replica = batch.replica;
  if (layout_->mode == parallel_mode::data)
    for (std::uint32_t i = 0; i < layout_->replicas && !complete(replica); ++i)
      replica = (batch.replica + i) % layout_->replicas;
  if (complete(replica)) send_to(id, request, micro, replica, out);
}

void coordinator_state::send_to(std::uint64_t id, request_status& request, std::uint32_t micro, std::uint32_t replica,
                                coordinator_actions& out) {
  micro_batch& batch = request.micros[micro];
  batch.replica = replica;
  batch.in_flight = true;
  ++batch.attempt;
  std::vector<tensor> inputs = request.inputs;
  if (batch.rows >= 0)
    for (tensor& input : inputs) input = input.rows(batch.first_row, batch.rows).value();  // checked by submit
  out.push_back(send_step{id, batch.attempt, micro, replica, std::move(inputs), request.deadline});
}

coordinator_actions coordinator_state::part_up(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation) {
  coordinator_actions out;
  part_status& status = parts_[part];
  if (arrived(part, host, incarnation, out)) return out;
  if (status.host != host || incarnation < status.incarnation) return out;  // news from a placement that was given up
  // A restart can be announced before the loss of the incarnation that went before.
  if (status.up && incarnation > status.incarnation) lose_replica(layout_->parts[part].replica, out);
  set_up(part, true);
  status.incarnation = incarnation;
  all_may_be_up(out);
  dispatch_waiting(out);
  return out;
}

void coordinator_state::all_may_be_up(coordinator_actions& out) {
  if (missing_in_all_ != 0) return;
  state_in_use_ = true;
  if (!ready_) {
    ready_ = true;
    out.push_back(report_ready{result<void>{}});
  }
  rebalance(out);
}

/// Ends the epoch: whatever wants it, in flight or waiting, is answered. Requests that take any epoch wait on, unless
/// they were sent: a caller that says nothing about the state must not have its rows computed twice with another.
void coordinator_state::lose_state(coordinator_actions& out) {
  if (!state_in_use_) return;  // nothing has been written since the last loss
  state_in_use_ = false;
  const std::uint64_t over = state_epoch_++;
  std::vector<std::uint64_t> hopeless;
  for (const auto& [id, request] : requests_)
    if (request.state_epoch != 0 || std::any_of(request.micros.begin(), request.micros.end(),
                                                [](const micro_batch& batch) { return batch.attempt > 0; }))
      hopeless.push_back(id);
  for (const std::uint64_t id : hopeless) finish(id, state_lost(over, state_epoch_), out);
}

/// With states: a request was not let through somewhere, or one behind it came out first. It and those behind it, which
/// may have been computed without what it should have left, are sent again in their order, after a pause in which what
/// is under way of them drains.
void coordinator_state::repeat_from(std::uint64_t id, coordinator_actions& out) {
  repeat_from_ = id;
  for (auto next = requests_.lower_bound(id); next != requests_.end(); ++next) {
    request_status& request = next->second;
    for (micro_batch& batch : request.micros) {
      batch.in_flight = false;
      request.first_attempt = std::max(request.first_attempt, batch.attempt + 1);
    }
    for (micro_batch& batch : request.micros) batch.attempt = request.first_attempt - 1;
    out.push_back(expect_join{next->first, static_cast<std::uint32_t>(request.micros.size()), request.first_attempt});
  }
  out.push_back(arm_retry{id, 0, requests_.at(id).micros.front().attempt});
}

void coordinator_state::lose_replica(std::uint32_t replica, coordinator_actions& out) {
  if (layout_->stateful) return lose_state(out);
  std::vector<std::uint64_t> hopeless;
  for (auto& [id, request] : requests_)
    for (micro_batch& batch : request.micros)
      if (batch.in_flight && batch.replica == replica && !lose_step(request, batch)) hopeless.push_back(id);
  for (const std::uint64_t id : hopeless) finish(id, lost_too_often(), out);
}

error coordinator_state::lost_too_often() {
  return fail(errc::unavailable, "a part of the model was lost {} times while it worked on this request",
              coordinator_limits::attempts_max);
}

/// The step was lost; false when it was the last attempt.
bool coordinator_state::lose_step(request_status& request, micro_batch& batch) {
  batch.in_flight = false;
  ++request.recoveries;
  return batch.attempt < coordinator_limits::attempts_max;
}

coordinator_actions coordinator_state::part_down(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation) {
  coordinator_actions out;
  part_status& status = parts_[part];
  if (status.next && status.next->host == host && status.next->incarnation == incarnation) {
    status.next->up = false;
    return out;
  }
  if (left_place_lost(part, host, out)) {
    dispatch_waiting(out);
    return out;
  }
  if (status.host != host || incarnation != status.incarnation || !status.up) return out;
  set_up(part, false);
  lose_replica(layout_->parts[part].replica, out);
  unload_left_places(out);
  dispatch_waiting(out);  // to another replica, where there is one
  return out;
}

coordinator_actions coordinator_state::part_failed(std::uint32_t part, std::uint32_t host, const error& why) {
  coordinator_actions out;
  part_status& status = parts_[part];
  if (failed_) return out;
  if (status.next && status.next->host == host) {
    (takes(status.host, part) ? status.declined_hosts : status.failed_hosts).insert(host);
    stop_moving(part);
    moves_changed(out);
    return out;
  }
  if (left_place_lost(part, host, out)) {
    dispatch_waiting(out);
    return out;
  }
  if (status.host != host) return out;
  if (status.up) {
    set_up(part, false);
    lose_replica(layout_->parts[part].replica, out);
  }
  // A host that did not take the part in time says nothing about others.
  const bool of_host = why.retryable() || why.code() == errc::internal || why.code() == errc::deadline_exceeded;
  if (!of_host) {
    fail_plan(why, out);  // the same model and options fail everywhere
    return out;
  }
  status.failed_hosts.insert(host);
  place(part, why, out);
  unload_left_places(out);
  dispatch_waiting(out);
  return out;
}

coordinator_actions coordinator_state::host_down(std::uint32_t host) {
  coordinator_actions out;
  if (!hosts_.alive(host) || failed_) return out;
  hosts_.lose(host);
  for (std::uint32_t part = 0; part < parts_.size(); ++part) {
    left_place_lost(part, host, out);
    if (parts_[part].next && parts_[part].next->host == host) stop_moving(part);
    if (parts_[part].host != host) continue;
    if (parts_[part].up) {
      set_up(part, false);
      lose_replica(layout_->parts[part].replica, out);
    }
    place(part, error(errc::unavailable, "the node of a part was lost and no other can take it"), out);
    if (failed_) return out;
  }
  moves_changed(out);
  return out;
}

coordinator_actions coordinator_state::aggregator_replaced() {
  coordinator_actions out;
  for (auto& [id, request] : requests_) {
    out.push_back(expect_join{id, static_cast<std::uint32_t>(request.micros.size()), request.first_attempt});
    ++request.recoveries;
    for (micro_batch& batch : request.micros) {
      batch.in_flight = false;
      batch.taken.reset();  // what the aggregator had is gone with it
    }
  }
  unload_left_places(out);
  dispatch_waiting(out);
  return out;
}

coordinator_actions coordinator_state::step_failed(std::uint64_t id, std::uint32_t attempt, std::uint32_t micro,
                                                   const error& why) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end() || micro >= found->second.micros.size()) return out;
  micro_batch& batch = found->second.micros[micro];
  if (!batch.in_flight || batch.attempt != attempt) return out;  // an earlier attempt speaks
  if (!why.retryable() || batch.attempt >= coordinator_limits::attempts_max) {
    finish(id, why, out);
    return out;
  }
  if (layout_->stateful) {
    ++found->second.recoveries;
    repeat_from(id, out);
    return out;
  }
  // Stays marked as in flight until the pause is over, so that nothing else sends it meanwhile.
  out.push_back(arm_retry{id, micro, attempt});
  return out;
}

coordinator_actions coordinator_state::retry_due(std::uint64_t id, std::uint32_t micro, std::uint32_t attempt) {
  coordinator_actions out;
  if (layout_->stateful) {
    if (repeat_from_ != id) return out;  // another one before it has to be sent again, too
    repeat_from_.reset();
    dispatch_waiting(out);
    return out;
  }
  const auto found = requests_.find(id);
  if (found == requests_.end() || micro >= found->second.micros.size()) return out;
  micro_batch& batch = found->second.micros[micro];
  if (!batch.in_flight || batch.attempt != attempt) return out;
  batch.in_flight = false;
  ++found->second.recoveries;
  unload_left_places(out);
  dispatch(id, found->second, micro, out);
  return out;
}

coordinator_actions coordinator_state::joined(std::uint64_t id, std::uint32_t first_attempt,
                                              result<std::vector<tensor>> outcome) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second.first_attempt != first_attempt) return out;
  if (const auto oldest = requests_.begin(); layout_->stateful && oldest != found) {
    const error why =
        fail(errc::unavailable, "a later run came out {} times before this one", oldest->second.micros[0].attempt);
    return step_failed(oldest->first, oldest->second.micros[0].attempt, 0, why);
  }
  if (!outcome) {
    finish(id, std::move(outcome).error(), out);
    return out;
  }
  const std::uint32_t recoveries = found->second.recoveries;
  requests_.erase(found);
  out.push_back(answer{id, run_result{std::move(outcome).value(), recoveries, state_epoch()}});
  unload_left_places(out);
  return out;
}

coordinator_actions coordinator_state::deadline_passed(std::uint64_t id, time_point now) {
  coordinator_actions out;
  const auto found = requests_.find(id);
  if (found == requests_.end() || now < found->second.deadline) return out;
  std::size_t waiting = 0;
  for (const micro_batch& batch : found->second.micros) waiting += !batch.in_flight && !batch.taken;
  finish(id,
         waiting
             ? fail(errc::deadline_exceeded, "the deadline passed while {} of {} micro-batches waited for a lost part",
                    waiting, found->second.micros.size())
             : error(errc::deadline_exceeded, "the deadline passed while the model was running"),
         out);
  return out;
}

coordinator_actions coordinator_state::cancel(std::uint64_t id) {
  coordinator_actions out;
  finish(id, error(errc::cancelled, "the caller withdrew the request"), out);
  return out;
}

void coordinator_state::finish(std::uint64_t id, result<run_result> outcome, coordinator_actions& out) {
  if (requests_.erase(id) == 0) return;
  out.push_back(forget_join{id});
  out.push_back(answer{id, std::move(outcome)});
  unload_left_places(out);
}

void coordinator_state::fail_plan(const error& why, coordinator_actions& out) {
  failed_ = why;
  while (!requests_.empty()) finish(requests_.begin()->first, why, out);
  if (!ready_) out.push_back(report_ready{why});
}

}  // namespace troupe
