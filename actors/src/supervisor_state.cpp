#include "supervisor_state.hpp"

#include <algorithm>
#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

namespace {

bool live(child_phase phase) noexcept {
  return phase != child_phase::down && phase != child_phase::waiting;
}

}  // namespace

std::string_view to_string(child_phase phase) noexcept {
  switch (phase) {
    case child_phase::down: return "down";
    case child_phase::starting: return "starting";
    case child_phase::up: return "up";
    case child_phase::stopping: return "stopping";
    case child_phase::killing: return "killing";
    case child_phase::waiting: return "waiting";
  }
  return "unknown";
}

supervisor_state::supervisor_state(supervisor_policy policy, std::vector<child_policy> children)
    : policy_(std::move(policy)) {
  children_.reserve(children.size());
  for (child_policy& rules : children) children_.push_back(child{std::move(rules)});
}

const supervisor_state::child* supervisor_state::find(std::string_view id) const noexcept {
  const std::size_t index = index_of(id);
  return index == nowhere ? nullptr : &children_[index];
}

std::size_t supervisor_state::index_of(std::string_view id) const noexcept {
  for (std::size_t index = 0; index < children_.size(); ++index)
    if (children_[index].policy.id == id) return index;
  return nowhere;
}

std::size_t supervisor_state::index_of(std::string_view id, incarnation_number incarnation) const noexcept {
  const std::size_t index = index_of(id);
  return index != nowhere && children_[index].incarnation == incarnation ? index : nowhere;
}

// ---- events of children ----

supervise_actions supervisor_state::start(time_point now) {
  begin(now);
  stage_ = stage::starting;
  started_ = initial_ = true;
  start_next();
  return take();
}

supervise_actions supervisor_state::child_started(std::string_view id, incarnation_number incarnation, time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index != nowhere && children_[index].phase == child_phase::starting) child_is_up(index);
  return take();
}

supervise_actions supervisor_state::start_failed(std::string_view id, incarnation_number incarnation,
                                                 std::string reason, time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index != nowhere && children_[index].phase == child_phase::starting) start_has_failed(index, reason);
  return take();
}

supervise_actions supervisor_state::child_down(std::string_view id, incarnation_number incarnation, bool normal,
                                               std::string reason, time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index == nowhere) return take();
  child& which = children_[index];
  if (!live(which.phase)) return take();
  if (which.phase == child_phase::starting) {
    start_has_failed(index, reason.empty() ? "it ended before it was up" : reason);
    return take();
  }
  if (which.hung) reason = which.up ? "it did not answer a probe" : "it did not come up in time";
  note(supervision_event_kind::child_down, &which, reason);
  is_down(index, normal && !which.hung, reason);
  return take();
}

supervise_actions supervisor_state::start_expired(std::string_view id, incarnation_number incarnation, time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index == nowhere || children_[index].phase != child_phase::starting) return take();
  child& which = children_[index];
  which.hung = true;
  note(supervision_event_kind::child_hung, &which, "it did not come up in time");
  kill(which);
  return take();
}

supervise_actions supervisor_state::probe_answered(std::string_view id, incarnation_number incarnation,
                                                   time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index == nowhere) return take();
  child& which = children_[index];
  if (which.phase == child_phase::up && which.policy.probe) which.timer = arm(which.policy.probe->interval);
  return take();
}

supervise_actions supervisor_state::probe_expired(std::string_view id, incarnation_number incarnation, time_point now) {
  begin(now);
  const std::size_t index = index_of(id, incarnation);
  if (index == nowhere || children_[index].phase != child_phase::up) return take();
  child& which = children_[index];
  which.hung = true;
  note(supervision_event_kind::child_hung, &which, "it did not answer a probe");
  kill(which);
  return take();
}

supervise_actions supervisor_state::timer_fired(timer_number timer, time_point now) {
  begin(now);
  if (timer == 0 || mode_ == mode::terminated) return take();
  if (timer == stage_timer_) {
    stage_timer_ = 0;
    stage_ = stage::starting;
    start_next();
    return take();
  }
  const auto whose = std::find_if(children_.begin(), children_.end(), [&](const child& c) { return c.timer == timer; });
  if (whose == children_.end()) return take();
  whose->timer = 0;
  switch (whose->phase) {
    case child_phase::up:
      out_.push_back(supervise::probe{whose->policy.id, whose->incarnation,
                                      whose->policy.probe->hung - whose->policy.probe->interval});
      break;
    case child_phase::stopping: kill(*whose); break;
    case child_phase::killing: abandon(static_cast<std::size_t>(whose - children_.begin())); break;
    case child_phase::waiting: launch(*whose); break;
    case child_phase::down:
    case child_phase::starting: break;
  }
  return take();
}

supervise_actions supervisor_state::shutdown_requested(time_point now) {
  begin(now);
  if (mode_ == mode::running) begin_stop();
  return take();
}

// ---- requests ----

supervise_actions supervisor_state::start_child(request_number request, child_policy policy, time_point now) {
  begin(now);
  if (auto why = not_serving()) return refuse(request, policy.id, *why);
  if (index_of(policy.id) != nowhere)
    return refuse(request, policy.id,
                  fail(errc::invalid_argument,
                       "supervisor '{}' already has a child '{}'; terminate and delete it, or choose another id",
                       policy_.name, policy.id));
  if (children_.size() >= constants::children_max)
    return refuse(
        request, policy.id,
        fail(errc::unavailable, "supervisor '{}' has {} children, which is the limit; use a second supervisor",
             policy_.name, children_.size()));
  child& added = children_.emplace_back(child{std::move(policy)});
  added.request = request;
  // In the middle of a group's restart it takes its turn, the last.
  if (stage_ == stage::idle) launch(added);
  return take();
}

supervise_actions supervisor_state::terminate_child(request_number request, std::string_view id, time_point now) {
  begin(now);
  if (auto why = not_serving()) return refuse(request, id, *why);
  const std::size_t index = index_of(id);
  if (index == nowhere)
    return refuse(request, id, fail(errc::invalid_argument, "supervisor '{}' has no child '{}'", policy_.name, id));
  child& which = children_[index];
  if (which.request)
    return refuse(request, id,
                  fail(errc::unavailable, "another request waits for child '{}' of supervisor '{}'; try again later",
                       id, policy_.name));
  which.wanted = false;
  which.request = request;
  if (which.phase == child_phase::up) {
    ask_stop(which);
  } else if (!live(which.phase)) {
    which.phase = child_phase::down;
    which.timer = 0;
    reply(which);
    if (which.policy.restart == restart_kind::temporary) remove(index);
  }
  return take();
}

supervise_actions supervisor_state::restart_child(request_number request, std::string_view id, time_point now) {
  begin(now);
  if (auto why = not_serving()) return refuse(request, id, *why);
  const std::size_t index = index_of(id);
  if (index == nowhere)
    return refuse(request, id, fail(errc::invalid_argument, "supervisor '{}' has no child '{}'", policy_.name, id));
  child& which = children_[index];
  if (which.wanted || which.phase != child_phase::down)
    return refuse(request, id,
                  fail(errc::invalid_argument,
                       "child '{}' of supervisor '{}' is {}; only a child that was terminated or "
                       "has done its work can be started again",
                       id, policy_.name, to_string(which.phase)));
  which.wanted = true;
  which.request = request;
  if (stage_ == stage::idle) launch(which);
  return take();
}

supervise_actions supervisor_state::delete_child(request_number request, std::string_view id, time_point now) {
  begin(now);
  if (auto why = not_serving()) return refuse(request, id, *why);
  const std::size_t index = index_of(id);
  if (index == nowhere)
    return refuse(request, id, fail(errc::invalid_argument, "supervisor '{}' has no child '{}'", policy_.name, id));
  child& which = children_[index];
  if (which.wanted || which.phase != child_phase::down)
    return refuse(request, id,
                  fail(errc::invalid_argument, "child '{}' of supervisor '{}' is {}; terminate it first", id,
                       policy_.name, to_string(which.phase)));
  which.request = request;
  reply(which);
  remove(index);
  return take();
}

std::optional<error> supervisor_state::not_serving() const {
  if (mode_ == mode::running) return std::nullopt;
  return fail(errc::unavailable, "supervisor '{}' is stopping", policy_.name);
}

supervise_actions supervisor_state::refuse(request_number request, std::string_view id, error why) {
  out_.push_back(supervise::answer{request, std::string(id), std::move(why)});
  return take();
}

// ---- starting ----

void supervisor_state::launch(child& which) {
  which.phase = child_phase::starting;
  which.incarnation = ++incarnations_;
  which.timer = 0;
  which.asked = which.hung = which.up = false;
  out_.push_back(supervise::start{which.policy.id, which.incarnation});
}

void supervisor_state::start_next() {
  for (const child& which : children_)
    if (live(which.phase) && !which.up) return;  // one at a time
  for (child& which : children_)
    if (which.wanted && which.phase == child_phase::down) return launch(which);
  stage_ = stage::idle;
  initial_ = false;
}

void supervisor_state::child_is_up(std::size_t index) {
  child& which = children_[index];
  which.phase = child_phase::up;
  which.up = true;
  ++which.starts;
  if (which.policy.probe) which.timer = arm(which.policy.probe->interval);
  note(supervision_event_kind::child_up, &which);
  if (which.wanted) reply(which);
  if (mode_ == mode::stopping) return stop_next(0);
  // Things may have changed while it started.
  if (!which.wanted) ask_stop(which);
  if (stage_ == stage::stopping) return stop_next(from_);
  if (stage_ != stage::starting) return;
  if (initial_) return start_next();
  stage_timer_ = arm(milliseconds(0));
}

void supervisor_state::start_has_failed(std::size_t index, const std::string& reason) {
  note(supervision_event_kind::start_failed, &children_[index], reason);
  is_down(index, false, reason);
}

// The one who asked for the start decides what to do about its failure: it is no crash of a child that others rely on.
bool supervisor_state::start_was_requested(std::size_t index, const std::string& reason) {
  child& which = children_[index];
  if (!which.request || !which.wanted) return false;
  reply(which, fail(errc::unavailable, "child '{}' of supervisor '{}' does not start: {}", which.policy.id,
                    policy_.name, reason));
  which.wanted = false;
  if (which.starts == 0) remove(index);
  return true;
}

// ---- stopping ----

void supervisor_state::ask_stop(child& which) {
  which.asked = true;
  if (which.policy.shutdown.count() == 0) return kill(which);
  which.phase = child_phase::stopping;
  which.timer = arm(which.policy.shutdown);
  out_.push_back(supervise::ask_stop{which.policy.id, which.incarnation});
}

void supervisor_state::kill(child& which) {
  which.phase = child_phase::killing;
  which.timer = arm(which.policy.kill_timeout);
  out_.push_back(supervise::kill{which.policy.id, which.incarnation});
  note(supervision_event_kind::child_killed, &which);
}

void supervisor_state::abandon(std::size_t index) {
  child& which = children_[index];
  ++which.abandoned;
  out_.push_back(supervise::abandon{which.policy.id, which.incarnation});
  const std::string reason = "its thread does not return from a handler";
  note(supervision_event_kind::child_abandoned, &which, reason);
  is_down(index, false, reason);
}

// Goes on with stopping, last to first: one at a time, because an earlier child may be needed by a later one until
// that one is gone.
void supervisor_state::stop_next(std::size_t from) {
  for (std::size_t index = children_.size(); index-- > from;) {
    child& which = children_[index];
    if (!live(which.phase)) continue;
    if (which.phase == child_phase::up) ask_stop(which);
    return;
  }
  if (mode_ == mode::stopping) return finish();
  stage_ = stage::pausing;
  stage_timer_ = arm(backoff(restarts_.size()));
}

void supervisor_state::is_down(std::size_t index, bool normal, const std::string& reason) {
  child& which = children_[index];
  const bool crashed = which.wanted && !which.asked;
  const bool temporary = which.policy.restart == restart_kind::temporary;
  const bool finished = temporary || (which.policy.restart == restart_kind::transient && normal);
  which.phase = child_phase::down;
  which.timer = 0;
  if (!which.wanted) reply(which);
  if (mode_ == mode::stopping) return stop_next(0);
  const bool in_group = stage_ == stage::stopping && index >= from_;
  if (start_was_requested(index, reason)) {
    // Answered; it is gone, or down for good.
  } else if (crashed && !finished && !in_group) {
    restart(index, reason);
  } else {
    if (crashed && finished) which.wanted = false;
    if (temporary) remove(index);
  }
  continue_stage();
}

// After something else happened: the next step of a group, or of the first start, that waits for no timer.
void supervisor_state::continue_stage() {
  if (mode_ != mode::running) return;
  if (stage_ == stage::stopping) return stop_next(from_);
  if (stage_ == stage::starting && stage_timer_ == 0) start_next();
}

void supervisor_state::begin_stop() {
  mode_ = mode::stopping;
  stage_ = stage::idle;
  stage_timer_ = 0;
  initial_ = false;
  for (child& which : children_) {
    if (which.phase == child_phase::waiting) {
      which.phase = child_phase::down;
      which.timer = 0;
    }
    // Those who wait for an end will see it; those who wait for a start will not.
    if (which.wanted) reply(which, fail(errc::unavailable, "supervisor '{}' is stopping", policy_.name));
  }
  stop_next(0);
}

void supervisor_state::finish() {
  mode_ = mode::terminated;
  note(supervision_event_kind::stopped, nullptr, failure_ ? failure_->message() : std::string());
  out_.push_back(supervise::finish{failure_});
}

// ---- restarting ----

void supervisor_state::restart(std::size_t index, const std::string& reason) {
  child& which = children_[index];
  if (restarts_.size() >= policy_.restarts_max) return escalate(index, reason);
  restarts_.push_back({now_, which.policy.id});
  ++restarts_total_;
  ++which.restarts;
  note(supervision_event_kind::restarting, &which, reason);
  if (!grouped()) {
    which.phase = child_phase::waiting;
    const auto own = std::count_if(restarts_.begin(), restarts_.end(),
                                   [&](const restart_record& record) { return record.child == which.policy.id; });
    which.timer = arm(backoff(static_cast<std::size_t>(own)));
    return;
  }
  from_ = policy_.strategy == restart_strategy::one_for_all ? 0 : index;
  stage_ = stage::stopping;
  stage_timer_ = 0;
  initial_ = false;
  stop_next(from_);
}

void supervisor_state::escalate(std::size_t index, const std::string& reason) {
  failure_ =
      fail(errc::unavailable, "supervisor '{}' gives up: more than {} restarts within {} ms; last, child '{}': {}",
           policy_.name, policy_.restarts_max, policy_.window.count(), children_[index].policy.id,
           reason.empty() ? "it ended" : reason);
  note(supervision_event_kind::escalated, &children_[index], failure_->message());
  begin_stop();
}

// Doubles with each restart in the window: of the same child, or of the group, which is one unit.
milliseconds supervisor_state::backoff(std::size_t restarts) const {
  milliseconds pause = policy_.backoff_initial;
  for (std::size_t doubled = 1; doubled < restarts && pause < policy_.backoff_max; ++doubled) pause *= 2;
  return std::min(pause, policy_.backoff_max);
}

// ---- small things ----

void supervisor_state::begin(time_point now) {
  now_ = now;
  while (!restarts_.empty() && now_ - restarts_.front().time > policy_.window) restarts_.pop_front();
}

void supervisor_state::remove(std::size_t index) {
  out_.push_back(supervise::forget{children_[index].policy.id});
  children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
  if (index < from_) --from_;
}

timer_number supervisor_state::arm(milliseconds delay) {
  out_.push_back(supervise::arm_timer{++timers_, delay});
  return timers_;
}

void supervisor_state::note(supervision_event_kind kind, const child* whom, std::string reason) {
  out_.push_back(supervise::notify{{kind, now_, policy_.name, whom ? whom->policy.id : std::string(),
                                    whom ? whom->incarnation : 0, restarts_.size(), std::move(reason)}});
}

void supervisor_state::reply(child& which, std::optional<error> failure) {
  if (!which.request) return;
  out_.push_back(supervise::answer{*std::exchange(which.request, std::nullopt), which.policy.id, std::move(failure)});
}

}  // namespace troupe
