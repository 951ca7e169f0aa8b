// What a model handle of the facade shares with the actors behind it: where the coordinator is now, and the submissions
// that wait while there is none.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <deque>
#include <mutex>

#include "model_messages.hpp"

namespace troupe {

/// Safe to use from any thread. Submissions reach the present coordinator; those that a coordinator dropped when it
/// ended are given to its successor, so a caller sees a pause and not an error. Those of a model with states are
/// answered `state_lost` instead: the successor loads its parts anew.
class model_core : public std::enable_shared_from_this<model_core> {
public:
  using callback = std::function<void(result<run_result>)>;

  /// At most this many submissions wait for a coordinator; more are refused.
  static constexpr std::size_t parked_max = 1024;

  /// `version`: of the weights; state epochs of different versions are different.
  explicit model_core(bool stateful = false, std::uint64_t version = 1) : stateful_(stateful), version_(version) {}

  /// `state_epoch` as in `run_options`. The number of the submission, for `cancel`.
  std::uint64_t submit(std::vector<tensor> inputs, time_point deadline, std::uint64_t state_epoch, callback done);
  /// Has the submission answered `cancelled`, if it is not answered yet. One that just then moves on from a coordinator
  /// that ended may be made all the same.
  void cancel(std::uint64_t ticket);

  /// For the coordinator that is about to be started: the number of its first state epoch, greater than all those of
  /// its predecessors.
  std::uint64_t first_state_epoch();

  /// Called whenever a supervisor has started a coordinator (aggregator).
  void coordinator_started(const caf::actor& coordinator);
  void aggregator_started(const caf::actor& aggregator);
  caf::actor aggregator() const;
  /// Nothing when there is none now, or when the model is closed.
  caf::actor coordinator() const;

  /// Answers everything that waits with `why`, and everything that comes later.
  void close(const error& why);

private:
  struct submission {
    std::uint64_t ticket;
    std::vector<tensor> inputs;
    time_point deadline;
    std::uint64_t state_epoch;
    callback done;
  };
  void send(submission work);
  void park(submission work);

  const bool stateful_;
  const std::uint64_t version_;
  std::atomic<std::uint64_t> tickets_ = version_ << 40;  ///< so those of all versions differ
  mutable std::mutex mutex_;
  caf::actor coordinator_, aggregator_;
  std::uint64_t generation_ = 0;
  std::uint64_t epoch_ranges_ = 0;  ///< handed out by `first_state_epoch`
  std::deque<submission> parked_;
  std::optional<error> closed_;
};

}  // namespace troupe
