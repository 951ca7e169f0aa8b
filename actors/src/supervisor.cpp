#include "troupe/actors/supervisor.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "runtime.hpp"
#include "supervisor_state.hpp"
#include "troupe/actors/messages.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

namespace {

std::vector<child_policy> policies_of(const std::vector<child_spec>& children) {
  return {children.begin(), children.end()};
}

// Carries out what supervisor_state decides, and reports to it what happens.
//
// Children are monitored, not linked: a link reports the same death a second time, as an exit message that may arrive
// after the successor runs and then looks like a stranger's request to stop. What links are for, that no child outlives
// its supervisor, is the destructor's work: CAF destroys the state of an actor however it ends.
class supervisor_behavior {
public:
  static inline const char* name = "troupe.supervisor";

  explicit supervisor_behavior(caf::event_based_actor* self) : self_(self) {}
  supervisor_behavior(const supervisor_behavior&) = delete;
  supervisor_behavior& operator=(const supervisor_behavior&) = delete;
  ~supervisor_behavior() {
    for (const auto& [id, child] : children_)
      if (child.actor) kill_now(self_->address(), child.actor);
  }

  caf::behavior make_behavior(supervisor_spec spec, supervision_observer observer, caf::actor_addr parent);

private:
  struct child_entry {
    child_start start;
    caf::actor actor{};  // null: not running
    incarnation_number incarnation = 0;
  };
  struct gathering {
    promise_guard promise;
    tree_snapshot snapshot;
    std::size_t missing = 0;
  };

  time_point now() const { return self_->clock().now(); }
  void perform(supervise_actions actions);
  supervise_actions act(const supervise::start& action);
  supervise_actions act(const supervise::ask_stop& action);
  supervise_actions act(const supervise::kill& action);
  supervise_actions act(const supervise::abandon& action);
  supervise_actions act(const supervise::probe& action);
  supervise_actions act(const supervise::forget& action);
  supervise_actions act(const supervise::arm_timer& action);
  supervise_actions act(const supervise::answer& action);
  supervise_actions act(const supervise::notify& action);
  supervise_actions act(const supervise::finish& action);

  caf::actor run_start(const std::string& id, const child_start& start, std::string& reason);
  child_entry* running(const std::string& id, incarnation_number incarnation);
  void heard_down(const caf::down_msg& down);
  void heard_exit(const caf::exit_msg& exit);
  caf::result<caf::actor> find(const whereis& what) const;
  void begin_await();
  void begin_start(const start_child& what);
  template <class Event>
  void begin_request(Event event);
  void tell_watchers(const supervision_event& event);
  caf::result<void> watch(const caf::actor& watcher);
  void unwatch(const caf::actor_addr& watcher);
  void begin_snapshot(const describe_tree& what);
  tree_snapshot own_snapshot() const;
  void end_snapshot_part(std::uint64_t number, std::size_t index, tree_snapshot* below);

  caf::event_based_actor* self_;
  std::unique_ptr<supervisor_state> state_;
  supervision_observer observer_;
  caf::actor_addr parent_;
  // The parent may hold the only other handle and drops it as it ends, before its end is heard: an unreachable actor
  // would not stop its children in order.
  caf::actor keep_alive_;
  std::map<std::string, child_entry, std::less<>> children_;
  std::deque<supervise_action> actions_;  // not yet performed
  bool performing_ = false;
  caf::error stop_reason_;
  std::map<request_number, promise_guard> requests_;
  std::vector<promise_guard> start_waiters_;
  std::map<std::uint64_t, gathering> snapshots_;
  std::uint64_t numbers_ = 0;              // of requests and snapshots
  std::vector<caf::actor_addr> watchers_;  // weak: watching must keep nobody alive
};

caf::behavior supervisor_behavior::make_behavior(supervisor_spec spec, supervision_observer observer,
                                                 caf::actor_addr parent) {
  quiet(*self_);
  self_->set_down_handler([this](caf::scheduled_actor*, caf::down_msg& down) { heard_down(down); });
  self_->set_exit_handler([this](caf::scheduled_actor*, caf::exit_msg& exit) { heard_exit(exit); });
  observer_ = std::move(observer);
  parent_ = std::move(parent);
  if (parent_) {
    // It may have ended before this first message: an address says so, monitoring by address would not.
    const auto parent_alive = caf::actor_cast<caf::actor>(parent_);
    if (!parent_alive) {
      self_->quit(caf::exit_reason::user_shutdown);
      return {};
    }
    self_->monitor(parent_alive);
    keep_alive_ = self_;
  }
  state_ = std::make_unique<supervisor_state>(spec, policies_of(spec.children));
  for (child_spec& each : spec.children) children_.emplace(each.id, child_entry{std::move(each.start)});
  perform(state_->start(now()));
  // Too many failed starts already: a behaviour would bring an actor that has quit back to life.
  if (state_->current_mode() == supervisor_state::mode::terminated) return {};
  return {
      [this](const supervisor_timer& timer) { perform(state_->timer_fired(timer.number, now())); },
      [this](const whereis& what) { return find(what); },
      [this](const start_child& what) { begin_start(what); },
      [this](const terminate_child& what) {
        begin_request([&](request_number number) { return state_->terminate_child(number, what.id, now()); });
      },
      [this](const restart_child& what) {
        begin_request([&](request_number number) { return state_->restart_child(number, what.id, now()); });
      },
      [this](const delete_child& what) {
        begin_request([&](request_number number) { return state_->delete_child(number, what.id, now()); });
      },
      [this](const await_children&) { begin_await(); },
      [this](const describe_tree& what) { begin_snapshot(what); },
      [this](const watch_children& what) { return watch(what.watcher); },
      [this](const unwatch_children& what) { unwatch(what.watcher.address()); },
      [](const liveness_probe&) {},
  };
}

// ---- decisions carried out ----

void supervisor_behavior::perform(supervise_actions actions) {
  actions_.insert(actions_.end(), std::make_move_iterator(actions.begin()), std::make_move_iterator(actions.end()));
  if (std::exchange(performing_, true)) return;
  while (!actions_.empty()) {
    const supervise_action next = std::move(actions_.front());
    actions_.pop_front();
    supervise_actions more = std::visit([this](const auto& action) { return act(action); }, next);
    actions_.insert(actions_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  performing_ = false;
  if (state_->settled() && state_->current_mode() != supervisor_state::mode::terminated)
    for (promise_guard& waiter : std::exchange(start_waiters_, {})) waiter.deliver(caf::unit);
}

supervise_actions supervisor_behavior::act(const supervise::start& action) {
  child_entry& which = children_.find(action.child)->second;
  std::string reason;
  caf::actor started = run_start(action.child, which.start, reason);
  if (!started) return state_->start_failed(action.child, action.incarnation, std::move(reason), now());
  self_->monitor(started);
  self_->unlink_from(started);  // should the start function have linked it
  which.actor = std::move(started);
  which.incarnation = action.incarnation;
  if (state_->find(action.child)->policy.kind == child_kind::worker)
    return state_->child_started(action.child, action.incarnation, now());
  // A supervisor is up when its children are: those that start after it may need them.
  const auto up = [this, action] { perform(state_->child_started(action.child, action.incarnation, now())); };
  ask(self_, which.actor, constants::supervisor_start, await_children{})
      .then(up, [this, action, up](caf::error& failure) {
        if (failure == caf::sec::request_timeout)
          perform(state_->start_expired(action.child, action.incarnation, now()));
        else if (failure != caf::sec::request_receiver_down && failure.category() != error_category)
          up();  // it does not know the question, but lives; of its end a down message tells
      });
  return {};
}

// The child's actor, or null and why.
caf::actor supervisor_behavior::run_start(const std::string& id, const child_start& start, std::string& reason) {
  caf::actor started;
  try {
    started = start(self_);
  } catch (const std::exception& exception) {
    reason = exception.what();
    return nullptr;
  } catch (...) {
    reason = "its start function throws an exception of unknown type";
    return nullptr;
  }
  if (!started) reason = "its start function returns no actor";
  if (started == self_) reason = "its start function returns the supervisor itself";
  for (const auto& [other, child] : children_)
    if (started && child.actor == started)
      reason = fmt::format("its start function returns the actor of child '{}' instead of one of '{}'", other, id);
  return reason.empty() ? started : nullptr;
}

supervisor_behavior::child_entry* supervisor_behavior::running(const std::string& id, incarnation_number incarnation) {
  const auto found = children_.find(id);
  if (found == children_.end() || found->second.incarnation != incarnation || !found->second.actor) return nullptr;
  return &found->second;
}

supervise_actions supervisor_behavior::act(const supervise::ask_stop& action) {
  // Behind what is in the mailbox: the child may finish that first.
  if (const child_entry* which = running(action.child, action.incarnation))
    self_->send_exit(which->actor, caf::exit_reason::user_shutdown);
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::kill& action) {
  if (const child_entry* which = running(action.child, action.incarnation)) kill_now(self_->address(), which->actor);
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::abandon& action) {
  if (child_entry* which = running(action.child, action.incarnation)) {
    self_->demonitor(which->actor);
    which->actor = nullptr;
  }
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::probe& action) {
  const child_entry* which = running(action.child, action.incarnation);
  if (!which) return {};
  const auto alive = [this, id = action.child, incarnation = action.incarnation] {
    perform(state_->probe_answered(id, incarnation, now()));
  };
  const auto silent = [this, id = action.child, incarnation = action.incarnation] {
    perform(state_->probe_expired(id, incarnation, now()));
  };
  // Ahead of other messages: a long queue is no sign of death, a handler that does not return is.
  ask_first(self_, which->actor, action.timeout, liveness_probe{})
      .then([alive] { alive(); },
            [alive, silent](caf::error& failure) { failure == caf::sec::request_timeout ? silent() : alive(); });
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::forget& action) {
  children_.erase(action.child);
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::arm_timer& action) {
  later(self_, action.delay, supervisor_timer{action.timer});
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::answer& action) {
  const auto found = requests_.find(action.request);
  if (found == requests_.end()) return {};
  promise_guard promise = std::move(found->second);
  requests_.erase(found);
  const auto child = children_.find(action.child);
  if (action.failure)
    promise.deliver(to_caf(*action.failure));
  else if (child != children_.end() && child->second.actor)
    promise.deliver(child->second.actor);
  else
    promise.deliver(caf::unit);
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::notify& action) {
  tell_watchers(action.event);
  if (observer_) {
    try {
      observer_(action.event);
    } catch (...) {
      // The host's own trouble; supervision goes on.
    }
  }
  return {};
}

supervise_actions supervisor_behavior::act(const supervise::finish& action) {
  for (auto& [number, snapshot] : snapshots_) snapshot.promise.deliver(std::move(snapshot.snapshot));
  snapshots_.clear();
  requests_.clear();
  start_waiters_.clear();
  self_->quit(action.failure ? to_caf(*action.failure) : std::move(stop_reason_));
  return {};
}

// ---- what is heard ----

void supervisor_behavior::heard_down(const caf::down_msg& down) {
  for (auto& [id, child] : children_) {
    if (!child.actor || child.actor != down.source) continue;
    child.actor = nullptr;
    return perform(state_->child_down(std::string(id), child.incarnation, is_normal_end(down.reason),
                                      describe(down.reason), now()));
  }
  if (parent_ && parent_ == down.source) {
    parent_ = nullptr;
    if (!stop_reason_) stop_reason_ = down.reason;
    return perform(state_->shutdown_requested(now()));
  }
  unwatch(down.source);
}

void supervisor_behavior::heard_exit(const caf::exit_msg& exit) {
  // As CAF has it: the normal end of whoever is linked with us is no reason to stop. Children report by down messages.
  if (!exit.reason || exit.reason == caf::exit_reason::normal) return;
  for (const auto& [id, child] : children_)
    if (child.actor && child.actor == exit.source) return;
  if (!stop_reason_) stop_reason_ = exit.reason;
  perform(state_->shutdown_requested(now()));
}

// ---- requests ----

caf::result<caf::actor> supervisor_behavior::find(const whereis& what) const {
  const supervisor_state::child* known = state_->find(what.id);
  if (!known)
    return to_caf(fail(errc::invalid_argument, "supervisor '{}' has no child '{}'", state_->policy().name, what.id));
  const auto found = children_.find(what.id);
  if (known->phase != child_phase::up || !found->second.actor)
    return to_caf(fail(errc::unavailable, "child '{}' of supervisor '{}' is {}; ask again later", what.id,
                       state_->policy().name, to_string(known->phase)));
  return found->second.actor;
}

void supervisor_behavior::begin_await() {
  promise_guard promise(self_->make_response_promise());
  if (state_->settled()) return promise.deliver(caf::unit);
  if (start_waiters_.size() >= constants::start_waiters_max)
    return promise.deliver(to_caf(fail(errc::unavailable,
                                       "{} actors wait for the start of supervisor '{}', which is the "
                                       "limit; try again later",
                                       start_waiters_.size(), state_->policy().name)));
  start_waiters_.push_back(std::move(promise));
}

// Once the promise exists, every path answers it: the state answers each request exactly once.
template <class Event>
void supervisor_behavior::begin_request(Event event) {
  const request_number number = ++numbers_;
  requests_.emplace(number, promise_guard(self_->make_response_promise()));
  perform(event(number));
}

void supervisor_behavior::begin_start(const start_child& what) {
  const result<void> valid =
      what.spec ? validate(*what.spec) : error(errc::invalid_argument, "start_child carries no specification");
  if (!valid) {
    self_->make_response_promise().deliver(to_caf(valid.error()));
    return;
  }
  const child_spec& spec = *what.spec;
  begin_request([&](request_number number) {
    supervise_actions actions = state_->start_child(number, spec, now());
    // Its place, unless the request was refused: then another child may have this id.
    if (state_->find(spec.id)) children_.try_emplace(spec.id, child_entry{spec.start});
    return actions;
  });
}

// ---- watching ----

caf::result<void> supervisor_behavior::watch(const caf::actor& watcher) {
  if (!watcher) return to_caf(error(errc::invalid_argument, "watch_children carries no watcher"));
  const caf::actor_addr address = watcher.address();
  if (std::find(watchers_.begin(), watchers_.end(), address) != watchers_.end()) return caf::unit;
  if (watchers_.size() >= constants::watchers_max)
    return to_caf(fail(errc::unavailable, "supervisor '{}' has {} watchers, which is the limit", state_->policy().name,
                       watchers_.size()));
  watchers_.push_back(address);
  self_->monitor(watcher);
  for (const supervisor_state::child& known : state_->children()) {
    const child_entry& which = children_.find(known.policy.id)->second;
    if (known.up && which.actor)
      tell(self_, watcher, child_up{state_->policy().name, known.policy.id, which.incarnation, which.actor});
  }
  return caf::unit;
}

void supervisor_behavior::unwatch(const caf::actor_addr& watcher) {
  const auto found = std::find(watchers_.begin(), watchers_.end(), watcher);
  if (found == watchers_.end()) return;
  watchers_.erase(found);
  self_->demonitor(watcher);
}

void supervisor_behavior::tell_watchers(const supervision_event& event) {
  const auto tell_all = [this](const auto& message) {
    for (const caf::actor_addr& address : watchers_)
      if (const auto watcher = caf::actor_cast<caf::actor>(address)) tell(self_, watcher, message);
  };
  if (watchers_.empty()) return;
  switch (event.kind) {
    case supervision_event_kind::child_up:
      if (const child_entry* which = running(event.child, event.incarnation))
        tell_all(child_up{event.supervisor, event.child, event.incarnation, which->actor});
      break;
    case supervision_event_kind::child_down:
    case supervision_event_kind::child_abandoned:
      tell_all(child_down{event.supervisor, event.child, event.incarnation, event.reason});
      break;
    case supervision_event_kind::escalated: tell_all(supervisor_escalated{event.supervisor, event.reason}); break;
    default: break;
  }
}

// ---- the tree ----

tree_snapshot supervisor_behavior::own_snapshot() const {
  tree_snapshot made;
  made.name = state_->policy().name;
  made.kind = child_kind::supervisor;
  made.state = state_->current_mode() == supervisor_state::mode::running ? "running" : "stopping";
  made.restarts = state_->restarts();
  for (const supervisor_state::child& known : state_->children()) {
    made.abandoned += known.abandoned;
    tree_snapshot& below = made.children.emplace_back();
    below.name = known.policy.id;
    below.kind = known.policy.kind;
    below.state = to_string(known.phase);
    below.restarts = known.restarts;
    below.incarnation = known.incarnation;
    below.abandoned = known.abandoned;
  }
  return made;
}

void supervisor_behavior::begin_snapshot(const describe_tree& what) {
  promise_guard promise(self_->make_response_promise());
  if (snapshots_.size() >= constants::tree_requests_max)
    return promise.deliver(to_caf(fail(errc::unavailable,
                                       "supervisor '{}' serves {} requests for its tree, which is "
                                       "the limit; try again later",
                                       state_->policy().name, snapshots_.size())));
  const std::uint64_t number = ++numbers_;
  gathering& gathered = snapshots_.try_emplace(number, gathering{std::move(promise), own_snapshot()}).first->second;
  // What is left for those below, so that their answers, complete or not, are here before ours is due.
  const milliseconds left{std::min<std::uint32_t>(what.deadline_ms, 60'000) * 3 / 4};
  const auto depth = std::min<std::uint32_t>(what.depth, constants::tree_depth_max);
  const describe_tree question{static_cast<std::uint32_t>(left.count()), depth > 0 ? depth - 1 : 0};
  for (std::size_t index = 0; depth > 0 && index < gathered.snapshot.children.size(); ++index) {
    const tree_snapshot& below = gathered.snapshot.children[index];
    const caf::actor asked = children_.find(below.name)->second.actor;
    if (below.kind != child_kind::supervisor || !asked) continue;
    ++gathered.missing;
    ask_first(self_, asked, left, question)
        .then([=, this](tree_snapshot& answer) { end_snapshot_part(number, index, &answer); },
              [=, this](caf::error&) { end_snapshot_part(number, index, nullptr); });
  }
  if (gathered.missing > 0) return;
  gathered.promise.deliver(std::move(gathered.snapshot));
  snapshots_.erase(number);
}

void supervisor_behavior::end_snapshot_part(std::uint64_t number, std::size_t index, tree_snapshot* below) {
  const auto found = snapshots_.find(number);
  if (found == snapshots_.end()) return;
  gathering& gathered = found->second;
  if (below) {
    gathered.snapshot.children[index].abandoned += below->abandoned;
    gathered.snapshot.abandoned += below->abandoned;
    gathered.snapshot.children[index].children = std::move(below->children);
  } else {
    gathered.snapshot.children[index].state = "not answering";
  }
  if (--gathered.missing > 0) return;
  gathered.promise.deliver(std::move(gathered.snapshot));
  snapshots_.erase(found);
}

template <class Spawner>
result<caf::actor> spawn_checked(Spawner& spawner, supervisor_spec spec, supervision_observer observer,
                                 caf::actor_addr parent) {
  TROUPE_CHECK(validate(spec));
  return spawn_state<supervisor_behavior>(spawner, std::move(spec), std::move(observer), std::move(parent));
}

}  // namespace

result<caf::actor> spawn_supervisor(caf::actor_system& system, supervisor_spec spec, supervision_observer observer) {
  return spawn_checked(system, std::move(spec), std::move(observer), {});
}

result<caf::actor> spawn_supervisor(caf::event_based_actor& parent, supervisor_spec spec,
                                    supervision_observer observer) {
  return spawn_checked(parent, std::move(spec), std::move(observer), parent.address());
}

child_spec supervised(supervisor_spec spec, supervision_observer observer) {
  child_spec made;
  made.id = spec.name;
  made.kind = child_kind::supervisor;
  made.shutdown = time_to_stop(spec);
  made.start = [spec = std::move(spec), observer = std::move(observer)](caf::event_based_actor* parent) {
    auto spawned = spawn_supervisor(*parent, spec, observer);
    // The only way to say why from a start function.
    if (!spawned) throw std::invalid_argument(spawned.error().to_string());
    return std::move(spawned).value();
  };
  return made;
}

}  // namespace troupe
