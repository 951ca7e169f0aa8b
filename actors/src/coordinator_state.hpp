// What the coordinator of one model decides: where parts go, which work is under way, what is repeated after a loss,
// and the one answer that each request gets. Plain state: events in, actions out, time passed in; no CAF types, no
// clock, no threads.
//
//   part:     placing --part_up--> up --part_down--> restarting --part_up--> up
//             any --host_down / part_failed--> placing (elsewhere), or the plan fails
//             up --a host comes or leaves--> up and moving: also placed elsewhere; --part_up there--> up there, and
//             unloaded where it was when the last step that was sent there has ended
//   request:  submitted -> its micro-batches wait for a complete replica -> in flight -> joined -> answered
//             a lost part sends the micro-batches of its replica back to waiting, with the next attempt number
//
// A plan with states is the exception: what a part kept from run to run ends with it, so work that needs it must not be
// repeated on a fresh part. Such a plan has a state epoch, which grows when a part is lost after all were up; requests
// in flight then, and those that ask for an epoch that is over, are answered `state_lost`. Its parts move together,
// when all that are to move are up elsewhere, and that ends the epoch too: whoever has a session makes its state again.
// Within an epoch each part sees the requests in the order in which they were submitted: where one does not get
// through, it and all after it are sent again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "host_table.hpp"
#include "live_plan.hpp"
#include "live_shares.hpp"
#include "troupe/engine/deadline.hpp"

namespace troupe {

namespace coordinator_limits {
/// Requests under way in one model; more are refused at once rather than queued without bound.
inline constexpr std::size_t requests_max = 1024;
/// Attempts at one micro-batch before the request fails with the last error.
inline constexpr std::uint32_t attempts_max = 16;
/// Pause before a micro-batch is tried again although no part was lost (a full queue, a link that is not there yet):
/// all of them together outlast the time until a link is given up and made again.
constexpr std::chrono::milliseconds retry_pause(std::uint32_t attempt) noexcept {
  const std::uint32_t doublings = std::min(attempt > 1 ? attempt - 1 : 0, 6u);
  return std::min(std::chrono::milliseconds(50) * (1 << doublings), std::chrono::milliseconds(2000));
}
/// A micro-batch that takes so many times as long as others of its size is given to another replica as well,
inline constexpr int late_factor = 3;
/// but not before this time: ordinary delays of a busy machine are not worth doing work twice.
inline constexpr std::chrono::milliseconds late_least{50};
}  // namespace coordinator_limits

/// Orders the coordinator's actor to do something.
namespace coordinator_action {
/// Ask host `host` to load and supervise `part`.
struct place_part {
  std::uint32_t part;
  std::uint32_t host;
};
/// The part's new place is up and takes its steps from now on; what was sent to the old place may still arrive.
struct switch_part {
  std::uint32_t part;
};
/// Nobody needs `part` on `host` any more.
struct unload_part {
  std::uint32_t part;
  std::uint32_t host;
};
/// Send the inputs of a micro-batch to stage 0 of `replica`, to travel through its stages to the aggregator.
struct send_step {
  std::uint64_t request;
  std::uint32_t attempt;
  std::uint32_t micro;
  std::uint32_t replica;
  std::vector<tensor> inputs;
  time_point deadline;
};
/// Tell the aggregator how many micro-batches make the answer, and from which attempt on they count.
struct expect_join {
  std::uint64_t request;
  std::uint32_t micros;
  std::uint32_t first_attempt;
};
/// Tell the aggregator that nobody waits for this request any more.
struct forget_join {
  std::uint64_t request;
};
/// Give the request its one answer.
struct answer {
  std::uint64_t request;
  result<run_result> outcome;
};
/// Call `retry_due` after `coordinator_limits::retry_pause(attempt)`.
struct arm_retry {
  std::uint64_t request;
  std::uint32_t micro;
  std::uint32_t attempt;
};
/// Call `late_due` after this pause.
struct arm_late {
  std::uint64_t request;
  duration pause;
};
/// Every part is up for the first time, or the plan has failed for good.
struct report_ready {
  result<void> outcome;
};
}  // namespace coordinator_action

using coordinator_actions = std::vector<
    std::variant<coordinator_action::place_part, coordinator_action::switch_part, coordinator_action::unload_part,
                 coordinator_action::send_step, coordinator_action::expect_join, coordinator_action::forget_join,
                 coordinator_action::answer, coordinator_action::arm_retry, coordinator_action::arm_late,
                 coordinator_action::report_ready>>;

class coordinator_state {
public:
  /// Hosts 0 .. `remote_hosts` - 1 are other nodes; the last one is this process, used when there are no others or
  /// when none of them is left.
  coordinator_state(std::shared_ptr<const plan> layout, std::uint32_t remote_hosts,
                    std::uint64_t first_state_epoch = 1);

  coordinator_actions start();
  /// `state_epoch`: which one the request wants; 0: any. Without meaning for a plan without states.
  coordinator_actions submit(std::uint64_t request, std::vector<tensor> inputs, time_point deadline, time_point now,
                             std::uint64_t state_epoch = 0);
  coordinator_actions part_up(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation);
  coordinator_actions part_down(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation);
  /// The host gives the part up.
  coordinator_actions part_failed(std::uint32_t part, std::uint32_t host, const error& why);
  coordinator_actions host_down(std::uint32_t host);
  /// Another node has come and is the host with the number `hosts().size()` as it was before. Parts move there until no
  /// other node has two more than it; where the planner placed them, not before it is known what the host reaches.
  coordinator_actions host_up();
  /// What the host reaches; nothing: it cannot be found out, and parts move there as if nobody had planned, when it has
  /// come since the start.
  coordinator_actions host_known(std::uint32_t host, std::optional<planning_node> node);
  bool wants_abilities() const { return live_.by_ability(); }
  /// How long the devices took for an attempt at a micro-batch, by stage. Now and then that moves parts, or changes the
  /// shares of replicas.
  coordinator_actions timed(std::uint64_t request, std::uint32_t attempt, std::uint32_t micro,
                            const std::vector<float>& stage_seconds, time_point now);
  /// Median of what a part's latest steps took; of a row, for replicas. 0 without any.
  double step_s(std::uint32_t part) const;
  /// The host is about to leave: its parts move elsewhere, and each is unloaded there when nothing needs it any more.
  coordinator_actions host_leaving(std::uint32_t host);
  /// The aggregator was replaced: its partial results are gone.
  coordinator_actions aggregator_replaced();
  coordinator_actions step_failed(std::uint64_t request, std::uint32_t attempt, std::uint32_t micro, const error& why);
  coordinator_actions retry_due(std::uint64_t request, std::uint32_t micro, std::uint32_t attempt);
  /// One of the micro-batches of a split batch is there. When half of them are, those that are late are given to
  /// another replica as well, once: whichever is first counts, and both have the same bits.
  coordinator_actions micro_joined(std::uint64_t request, std::uint32_t micro, time_point now);
  coordinator_actions late_due(std::uint64_t request, time_point now);
  /// `first_attempt` as in the `expect_join` that this answers.
  coordinator_actions joined(std::uint64_t request, std::uint32_t first_attempt, result<std::vector<tensor>> outcome);
  coordinator_actions deadline_passed(std::uint64_t request, time_point now);
  /// The caller wants no answer any more, and gets `cancelled`.
  coordinator_actions cancel(std::uint64_t request);

  /// Where a part is, or will be.
  struct part_place {
    std::uint32_t host = 0;
    bool up = false;
    std::uint64_t incarnation = 0;
  };
  struct part_status : part_place {
    std::optional<part_place> next;        ///< where it moves to
    std::set<std::uint32_t> failed_hosts;  ///< hosts that gave this part up
    /// Hosts that gave it up when it was to move there only to be faster: they may still take it when it has to move.
    std::set<std::uint32_t> declined_hosts;
  };
  const std::vector<part_status>& parts() const noexcept { return parts_; }
  const host_table& hosts() const noexcept { return hosts_; }
  std::size_t requests() const noexcept { return requests_.size(); }
  bool ready() const noexcept { return ready_; }
  /// 0 for a plan without states.
  std::uint64_t state_epoch() const noexcept { return layout_->stateful ? state_epoch_ : 0; }

private:
  struct micro_batch {
    std::int64_t first_row = 0, rows = -1;  ///< rows -1: the whole input
    std::uint32_t replica = 0;
    std::uint32_t attempt = 0;
    bool in_flight = false;
    bool reissued = false;
    std::optional<duration> taken;  ///< from the submission to its result
  };
  struct request_status {
    std::vector<tensor> inputs;
    time_point deadline;
    std::vector<micro_batch> micros;
    std::uint32_t recoveries = 0;
    std::uint64_t state_epoch = 0;    ///< the one it wants; 0: any
    std::uint32_t first_attempt = 0;  ///< whose results count
    time_point submitted{};
  };

  /// Steps that were sent to a place which their part has left.
  struct left_place {
    std::uint32_t part = 0;
    part_place place;
    struct sent_step {
      std::uint64_t request;
      std::uint32_t micro, attempt;
    };
    std::vector<sent_step> steps;
  };

  bool complete(std::uint32_t replica) const { return missing_[replica] == 0; }
  void set_up(std::uint32_t part, bool up);
  void place(std::uint32_t part, const error& why, coordinator_actions& out);
  void all_may_be_up(coordinator_actions& out);
  void lose_replica(std::uint32_t replica, coordinator_actions& out);
  static error lost_too_often();
  bool lose_step(request_status& request, micro_batch& batch);
  void lose_state(coordinator_actions& out);
  void repeat_from(std::uint64_t id, coordinator_actions& out);
  void dispatch_waiting(coordinator_actions& out);
  std::optional<duration> late_after(const request_status& request, const micro_batch& batch) const;
  void reissue(std::uint64_t id, request_status& request, std::uint32_t micro, time_point now,
               coordinator_actions& out);
  void send_to(std::uint64_t id, request_status& request, std::uint32_t micro, std::uint32_t replica,
               coordinator_actions& out);
  void dispatch(std::uint64_t id, request_status& request, std::uint32_t micro, coordinator_actions& out);
  void dispatch_all(std::uint64_t id, request_status& request, coordinator_actions& out);
  void finish(std::uint64_t id, result<run_result> outcome, coordinator_actions& out);
  void fail_plan(const error& why, coordinator_actions& out);

  // coordinator_moves.cpp
  void rebalance(coordinator_actions& out);
  bool takes(std::uint32_t host, std::uint32_t part) const;
  std::set<std::uint32_t> avoided(std::uint32_t part) const;
  void move(std::uint32_t part, std::uint32_t host, coordinator_actions& out);
  void stop_moving(std::uint32_t part);
  bool arrived(std::uint32_t part, std::uint32_t host, std::uint64_t incarnation, coordinator_actions& out);
  void switch_over(std::uint32_t part, coordinator_actions& out);
  void switch_together(coordinator_actions& out);
  void moves_changed(coordinator_actions& out);
  bool left_place_lost(std::uint32_t part, std::uint32_t host, coordinator_actions& out);
  void unload_left_places(coordinator_actions& out);

  // coordinator_times.cpp
  bool sent_elsewhere(std::uint64_t request, std::uint32_t attempt, std::uint32_t micro) const;
  void follow_times(time_point now, coordinator_actions& out);
  void forget_times(std::uint32_t part);

  std::shared_ptr<const plan> layout_;
  host_table hosts_;
  std::vector<part_status> parts_;
  std::vector<std::uint32_t> missing_;  ///< for each replica: parts that are not up
  std::uint32_t missing_in_all_;
  std::vector<left_place> left_places_;
  std::set<std::uint32_t> newcomers_;  ///< hosts that have come since the parts were shared out
  live_plan live_;
  live_shares live_shares_;
  std::map<std::uint64_t, request_status> requests_;
  bool ready_ = false;
  std::uint64_t state_epoch_;
  bool state_in_use_ = false;  ///< all parts have been up in this epoch, so that steps may have written
  /// Nothing is sent before `retry_due` for this request. Only with states.
  std::optional<std::uint64_t> repeat_from_;
  std::optional<error> failed_;
};

}  // namespace troupe
