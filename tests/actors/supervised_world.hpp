// Children that exist only in virtual time, and the invariants of supervision checked at every step (I9, I11 of the
// fault model): the supervisor's decisions run here without any runtime.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor_state.hpp"
#include "support/check.hpp"

namespace troupe::test {

/// How a child of the world behaves; change it at any time.
struct conduct {
  int starts_that_fail = 0;                                   ///< the next so many
  std::optional<milliseconds> stops_after = milliseconds(1);  ///< none: it ignores the request
  std::optional<milliseconds> dies_after = milliseconds(1);   ///< none: it cannot be killed
  bool answers_probes = true;
  /// 0: it is up as soon as its start function returns, as workers are. none: it never comes up.
  std::optional<milliseconds> starts_after = milliseconds(0);
};

class supervised_world {
public:
  supervised_world(supervisor_policy policy, std::vector<child_policy> children)
      : state_(std::move(policy), std::move(children)) {}

  void start() { perform(state_.start(now_)); }

  /// The running child ends by itself.
  void ends(const std::string& id, bool normal) {
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    died(id, found->second, normal, normal ? "" : "crash");
  }
  void crashes(const std::string& id) { ends(id, false); }

  void shut_down() {
    shutting_down_ = true;
    perform(state_.shutdown_requested(now_));
  }

  request_number start_child(child_policy policy) {
    return ask([&](request_number number) { return state_.start_child(number, std::move(policy), now_); });
  }
  request_number terminate(const std::string& id) {
    return ask([&](request_number number) { return state_.terminate_child(number, id, now_); });
  }
  request_number restart(const std::string& id) {
    return ask([&](request_number number) { return state_.restart_child(number, id, now_); });
  }
  request_number remove(const std::string& id) {
    return ask([&](request_number number) { return state_.delete_child(number, id, now_); });
  }

  /// Runs what is due within `span`, then the clock stands at its end.
  void run_for(milliseconds span) {
    const time_point until = now_ + span;
    while (!due_.empty() && due_.begin()->first <= until) step();
    now_ = until;
  }
  /// Runs only the next due thing; false if there is none.
  bool step() {
    if (due_.empty()) return false;
    const auto next = due_.begin();
    now_ = std::max(now_, next->first);
    const std::function<void()> what = std::move(next->second);
    due_.erase(next);
    what();
    return true;
  }
  /// Between two things that happen at the same time, the later one first.
  void at(milliseconds delay, std::function<void()> what) { due_.emplace(now_ + delay, std::move(what)); }

  conduct& of(const std::string& id) { return conducts_[id]; }
  bool is_up(const std::string& id) const { return running_.count(id) != 0; }
  /// Ids of running children in the order of the list.
  std::vector<std::string> up() const {
    std::vector<std::string> ids;
    for (const auto& child : state_.children())
      if (is_up(child.policy.id)) ids.push_back(child.policy.id);
    return ids;
  }
  /// What the supervisor did since the last call, as "start a", "stop a", "kill a", "abandon a", "finish".
  std::vector<std::string> deeds() { return std::exchange(deeds_, {}); }
  /// Like `deeds`, starts only: the ids.
  std::vector<std::string> started() {
    std::vector<std::string> ids;
    for (const std::string& deed : deeds())
      if (deed.rfind("start ", 0) == 0) ids.push_back(deed.substr(6));
    return ids;
  }
  std::size_t count(supervision_event_kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  const std::vector<supervision_event>& events() const { return events_; }
  bool finished() const { return finished_; }
  const std::optional<error>& failure() const { return failure_; }
  time_point now() const { return now_; }
  const supervisor_state& state() const { return state_; }
  bool idle() const { return due_.empty(); }

  /// The answer to a request: none while it is out.
  std::optional<supervise::answer> answer(request_number number) const {
    const auto found = answers_.find(number);
    return found == answers_.end() ? std::nullopt : std::optional(found->second);
  }
  std::size_t unanswered() const { return asked_ - answers_.size(); }
  /// Invariants broken so far, in words; empty is good.
  const std::vector<std::string>& violations() const { return violations_; }

private:
  template <class Ask>
  request_number ask(Ask event) {
    const request_number number = ++asked_;
    perform(event(number));
    return number;
  }

  void broken(std::string what) { violations_.push_back(std::move(what)); }

  bool is_this(const std::string& id, incarnation_number incarnation) const {
    const auto found = running_.find(id);
    return found != running_.end() && found->second == incarnation;
  }

  void died(const std::string& id, incarnation_number incarnation, bool normal, const std::string& reason) {
    const auto found = running_.find(id);
    if (found == running_.end() || found->second != incarnation) return;
    running_.erase(found);
    perform(state_.child_down(id, incarnation, normal, reason, now_));
  }

  void perform(supervise_actions actions) {
    std::deque<supervise_action> queue(actions.begin(), actions.end());
    while (!queue.empty()) {
      const supervise_action next = std::move(queue.front());
      queue.pop_front();
      supervise_actions more = std::visit([&](const auto& action) { return act(action); }, next);
      queue.insert(queue.end(), more.begin(), more.end());
    }
  }

  supervise_actions act(const supervise::start& action) {
    if (finished_) broken("a child starts after the end");
    if (shutting_down_ || escalated_) broken(action.child + " starts while the supervisor stops");
    if (running_.count(action.child)) broken(action.child + " lives twice");
    if (action.incarnation <= newest_) broken("an incarnation number is used twice");
    newest_ = action.incarnation;
    deeds_.push_back("start " + action.child);
    conduct& how = conducts_[action.child];
    const bool fails = how.starts_that_fail > 0;
    if (fails) --how.starts_that_fail;
    if (how.starts_after == milliseconds(0)) {
      if (fails) return state_.start_failed(action.child, action.incarnation, "no luck", now_);
      running_[action.child] = action.incarnation;
      return state_.child_started(action.child, action.incarnation, now_);
    }
    running_[action.child] = action.incarnation;
    constexpr milliseconds patience(25);
    const milliseconds delay = how.starts_after.value_or(patience);
    at(delay, [this, action, fails, late = delay >= patience] {
      if (!is_this(action.child, action.incarnation)) return;
      if (fails) return died(action.child, action.incarnation, false, "no luck");
      perform(late ? state_.start_expired(action.child, action.incarnation, now_)
                   : state_.child_started(action.child, action.incarnation, now_));
    });
    return {};
  }

  supervise_actions act(const supervise::ask_stop& action) {
    deeds_.push_back("stop " + action.child);
    check_order(action.child);
    if (const auto delay = conducts_[action.child].stops_after)
      at(*delay, [this, action] { died(action.child, action.incarnation, true, "asked to stop"); });
    return {};
  }

  supervise_actions act(const supervise::kill& action) {
    deeds_.push_back("kill " + action.child);
    if (const supervisor_state::child* child = state_.find(action.child); child && !child->hung)
      check_order(action.child);
    if (const auto delay = conducts_[action.child].dies_after)
      at(*delay, [this, action] { died(action.child, action.incarnation, false, "killed"); });
    return {};
  }

  supervise_actions act(const supervise::abandon& action) {
    deeds_.push_back("abandon " + action.child);
    if (!running_.erase(action.child)) broken(action.child + " is abandoned although it does not live");
    // Its thread may still come back one day, and its end be reported: nobody cares.
    at(seconds(1),
       [this, action] { perform(state_.child_down(action.child, action.incarnation, false, "late", now_)); });
    return {};
  }

  supervise_actions act(const supervise::probe& action) {
    at(milliseconds(0), [this, action] {
      if (is_up(action.child) && conducts_[action.child].answers_probes)
        perform(state_.probe_answered(action.child, action.incarnation, now_));
      else
        at(action.timeout, [this, action] { perform(state_.probe_expired(action.child, action.incarnation, now_)); });
    });
    return {};
  }

  supervise_actions act(const supervise::forget& action) {
    if (running_.count(action.child)) broken(action.child + " is forgotten while it lives");
    return {};
  }

  supervise_actions act(const supervise::arm_timer& action) {
    at(action.delay, [this, timer = action.timer] { perform(state_.timer_fired(timer, now_)); });
    return {};
  }

  supervise_actions act(const supervise::answer& action) {
    if (!answers_.emplace(action.request, action).second) broken("a request is answered twice");
    return {};
  }

  supervise_actions act(const supervise::notify& action) {
    const supervision_event& event = action.event;
    if (finished_) broken("an event comes after the end");
    events_.push_back(event);
    if (event.kind == supervision_event_kind::restarting) {
      restarts_.push_back(event.time);
      if (recent_restarts() > state_.policy().restarts_max) broken("more restarts than the window grants");
    }
    if (event.kind == supervision_event_kind::escalated) {
      escalated_ = true;
      if (recent_restarts() < state_.policy().restarts_max) broken("it gives up with restarts left");
    }
    return {};
  }

  supervise_actions act(const supervise::finish& action) {
    deeds_.push_back("finish");
    if (finished_) broken("it finishes twice");
    if (!running_.empty()) broken("it finishes with " + running_.begin()->first + " alive");
    finished_ = true;
    failure_ = action.failure;
    return {};
  }

  // Whoever is stopped for the supervisor's own reasons is the last one alive.
  void check_order(const std::string& id) {
    bool later = false;
    for (const auto& child : state_.children()) {
      if (child.policy.id == id && !child.wanted) return;
      if (later && is_up(child.policy.id)) broken(id + " is stopped before " + child.policy.id);
      later = later || child.policy.id == id;
    }
  }

  std::size_t recent_restarts() const {
    return static_cast<std::size_t>(std::count_if(
        restarts_.begin(), restarts_.end(), [&](time_point time) { return now_ - time <= state_.policy().window; }));
  }

  supervisor_state state_;
  time_point now_{seconds(1000)};
  std::multimap<time_point, std::function<void()>> due_;
  std::map<std::string, incarnation_number> running_;
  std::map<std::string, conduct> conducts_;
  std::map<request_number, supervise::answer> answers_;
  request_number asked_ = 0;
  incarnation_number newest_ = 0;
  std::vector<std::string> deeds_;
  std::vector<std::string> violations_;
  std::vector<supervision_event> events_;
  std::vector<time_point> restarts_;
  bool shutting_down_ = false;
  bool escalated_ = false;
  bool finished_ = false;
  std::optional<error> failure_;
};

}  // namespace troupe::test
