// Several requests to one model at a time, so that every stage of a pipeline has work; answers in order.
#pragma once

#include <memory>
#include <vector>

#include "troupe/system.hpp"

namespace troupe::sample {

/// Sends requests to a model and collects the answers in the order of the requests. At most `limit` are under way:
/// `push` waits for a free place. One thread at a time.
class in_flight {
public:
  in_flight(model target, run_options options, std::size_t limit);

  /// Sends one request once there is room. After a failure the rest is not sent: `finish` tells why.
  void push(std::vector<tensor> inputs);

  std::size_t answered() const;

  /// Waits for every answer; all of them in the order of `push`, or the first error.
  result<std::vector<run_result>> finish();

private:
  struct state;

  model target_;
  run_options options_;
  std::size_t limit_;
  std::shared_ptr<state> state_;  // shared with the callbacks, which may come after a failure was reported
};

}  // namespace troupe::sample
