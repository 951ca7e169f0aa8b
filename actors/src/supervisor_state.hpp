// What a supervisor does next, and nothing else: events go in, actions come out, time is an argument. There is no
// runtime type here, so that the whole of it can be tested and simulated alone.
//
//            launch              child_started
//   [down] ---------> [starting] -------------> [up] ------.  a crash: one_for_one waits, a group is stopped
//     ^  ^                |                     |  |        |
//     |  '----------------'           ask_stop  |  | hung   v
//     |  start_failed, child_down               |  |     [waiting] --timer--> [starting]
//     |                                         v  v
//     |<----- child_down ------------- [stopping] ---timer---> [killing]
//     '<----- child_down, or abandoned when the timer fires -------'
//
// one_for_all and rest_for_one move a group of children, from `from_` to the end of the list, through three stages:
// stopping (last to first, one at a time), pausing (the backoff), starting (first to last, one message each).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "troupe/actors/supervision_event.hpp"
#include "troupe/actors/supervisor_spec.hpp"
#include "troupe/engine/error.hpp"

namespace troupe {

/// Number of one start of a child. A supervisor never uses one twice, whatever the child: it fences the past.
using incarnation_number = std::uint64_t;
/// Number of one armed timer, never used twice. A timer is not disarmed: when it fires too late it is ignored.
using timer_number = std::uint64_t;
/// Number that the caller gives to a request that is answered later.
using request_number = std::uint64_t;

enum class child_phase : std::uint8_t { down, starting, up, stopping, killing, waiting };
std::string_view to_string(child_phase phase) noexcept;

/// What the runtime must do, in this order.
namespace supervise {

/// Call the child's start function, then report `child_started` or `start_failed`, at once or later. A child that
/// exists but is not up yet may also be reported as down, or with `start_expired`.
struct start {
  std::string child;
  incarnation_number incarnation;
};
/// Ask the child to stop when it has done what is in its mailbox.
struct ask_stop {
  std::string child;
  incarnation_number incarnation;
};
/// Kill the child, ahead of what is in its mailbox.
struct kill {
  std::string child;
  incarnation_number incarnation;
};
/// Forget the running child: its thread does not return. Nothing is reported about it any more.
struct abandon {
  std::string child;
  incarnation_number incarnation;
};
/// Ask for a sign of life, then report `probe_answered` or, after `timeout`, `probe_expired`.
struct probe {
  std::string child;
  incarnation_number incarnation;
  milliseconds timeout;
};
/// Drop the child's specification.
struct forget {
  std::string child;
};
/// Report `timer_fired` after `delay`, through the mailbox also when it is 0, so that other messages are heard.
struct arm_timer {
  timer_number timer;
  milliseconds delay;
};
/// Answer a request: with the child when there is no failure and the request was to start it.
struct answer {
  request_number request;
  std::string child;
  std::optional<error> failure;
};
struct notify {
  supervision_event event;
};
/// No child is left: end, with `failure` if restarts were exceeded, else for the reason that the runtime was given.
struct finish {
  std::optional<error> failure;
};

}  // namespace supervise

using supervise_action =
    std::variant<supervise::start, supervise::ask_stop, supervise::kill, supervise::abandon, supervise::probe,
                 supervise::forget, supervise::arm_timer, supervise::answer, supervise::notify, supervise::finish>;
using supervise_actions = std::vector<supervise_action>;

class supervisor_state {
public:
  enum class mode : std::uint8_t { running, stopping, terminated };

  struct child {
    child_policy policy;
    child_phase phase = child_phase::down;
    bool wanted = true;  ///< false: it has done its work, or somebody terminated it
    bool asked = false;  ///< this incarnation was told to stop or is never told: its end is no crash
    bool up = false;     ///< this incarnation came up
    bool hung = false;   ///< this incarnation is being killed because it does not answer or come up
    incarnation_number incarnation = 0;
    timer_number timer = 0;  ///< the only one that counts; 0: none
    std::size_t starts = 0;  ///< since it was added
    std::size_t restarts = 0;
    std::size_t abandoned = 0;
    std::optional<request_number> request{};  ///< to answer when it is up or down
  };

  /// Both must be valid (`validate`).
  supervisor_state(supervisor_policy policy, std::vector<child_policy> children);

  /// Starts all children in order.
  supervise_actions start(time_point now);

  supervise_actions child_started(std::string_view id, incarnation_number incarnation, time_point now);
  supervise_actions start_failed(std::string_view id, incarnation_number incarnation, std::string reason,
                                 time_point now);
  /// It exists, but is not up after all the time it was given.
  supervise_actions start_expired(std::string_view id, incarnation_number incarnation, time_point now);
  /// `normal`: it ended without an error.
  supervise_actions child_down(std::string_view id, incarnation_number incarnation, bool normal, std::string reason,
                               time_point now);
  supervise_actions probe_answered(std::string_view id, incarnation_number incarnation, time_point now);
  supervise_actions probe_expired(std::string_view id, incarnation_number incarnation, time_point now);
  supervise_actions timer_fired(timer_number timer, time_point now);
  /// Stops all children in reverse order, then finishes. The first request counts.
  supervise_actions shutdown_requested(time_point now);

  /// Requests at run time. Each is answered exactly once, at the latest when the supervisor finishes.
  /// Adds a child and starts it; when the start fails it is not kept.
  supervise_actions start_child(request_number request, child_policy policy, time_point now);
  /// Stops a child for good; its specification stays, except a temporary one's.
  supervise_actions terminate_child(request_number request, std::string_view id, time_point now);
  /// Starts a child that is down for good; when the start fails it stays down.
  supervise_actions restart_child(request_number request, std::string_view id, time_point now);
  /// Drops a child that is down for good.
  supervise_actions delete_child(request_number request, std::string_view id, time_point now);

  const supervisor_policy& policy() const noexcept { return policy_; }
  mode current_mode() const noexcept { return mode_; }
  const std::vector<child>& children() const noexcept { return children_; }
  /// False until the first start of all is over: each child was tried once, or one failed in a group.
  bool settled() const noexcept { return started_ && !initial_; }
  /// Null when there is no such child. Valid until the next event.
  const child* find(std::string_view id) const noexcept;
  /// Restarts within the window that ends with the last event.
  std::size_t recent_restarts() const noexcept { return restarts_.size(); }
  std::size_t restarts() const noexcept { return restarts_total_; }

private:
  enum class stage : std::uint8_t { idle, stopping, pausing, starting };
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  struct restart_record {
    time_point time;
    std::string child;
  };

  std::size_t index_of(std::string_view id) const noexcept;
  std::size_t index_of(std::string_view id, incarnation_number incarnation) const noexcept;
  bool grouped() const noexcept { return policy_.strategy != restart_strategy::one_for_one; }

  void begin(time_point now);
  void launch(child& which);
  void start_next();
  void child_is_up(std::size_t index);
  bool start_was_requested(std::size_t index, const std::string& reason);
  void start_has_failed(std::size_t index, const std::string& reason);
  void ask_stop(child& which);
  void kill(child& which);
  void abandon(std::size_t index);
  void stop_next(std::size_t from);
  void is_down(std::size_t index, bool normal, const std::string& reason);
  void restart(std::size_t index, const std::string& reason);
  void escalate(std::size_t index, const std::string& reason);
  void continue_stage();
  void begin_stop();
  void finish();
  void remove(std::size_t index);
  milliseconds backoff(std::size_t restarts) const;
  timer_number arm(milliseconds delay);
  void note(supervision_event_kind kind, const child* whom, std::string reason = {});
  void reply(child& which, std::optional<error> failure = std::nullopt);
  supervise_actions refuse(request_number request, std::string_view id, error why);
  std::optional<error> not_serving() const;
  supervise_actions take() { return std::exchange(out_, {}); }

  supervisor_policy policy_;
  std::vector<child> children_;
  mode mode_ = mode::running;
  stage stage_ = stage::idle;
  std::size_t from_ = 0;  ///< first child of the group while `stage_` is not idle
  bool started_ = false;
  bool initial_ = false;  ///< the first start of all: without pauses, so that nothing is served before it is over
  timer_number stage_timer_ = 0;
  timer_number timers_ = 0;
  incarnation_number incarnations_ = 0;
  std::deque<restart_record> restarts_;
  std::size_t restarts_total_ = 0;
  std::optional<error> failure_;
  time_point now_{};       ///< of the event being handled
  supervise_actions out_;  ///< of the event being handled
};

}  // namespace troupe
