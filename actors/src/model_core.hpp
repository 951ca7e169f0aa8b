// What a model handle of the facade shares with the actors behind it: where the coordinator is now, and the submissions
// that wait while there is none.
#pragma once

#include <caf/actor.hpp>
#include <deque>
#include <mutex>

#include "model_messages.hpp"

namespace troupe {

/// Safe to use from any thread. Submissions reach the present coordinator; those that a coordinator dropped when it
/// ended are given to its successor, so a caller sees a pause and not an error.
class model_core : public std::enable_shared_from_this<model_core> {
public:
  using callback = std::function<void(result<run_result>)>;

  /// At most this many submissions wait for a coordinator; more are refused.
  static constexpr std::size_t parked_max = 1024;

  void submit(std::vector<tensor> inputs, time_point deadline, callback done);

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
    std::vector<tensor> inputs;
    time_point deadline;
    callback done;
  };
  void send(submission work);
  void park(submission work);

  mutable std::mutex mutex_;
  caf::actor coordinator_, aggregator_;
  std::uint64_t generation_ = 0;
  std::deque<submission> parked_;
  std::optional<error> closed_;
};

}  // namespace troupe
