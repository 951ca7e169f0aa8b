// What a shard decides: it owns one program behind a device half that computes one step at a time, and a bounded queue
// of steps before it. Plain state: events in, actions out; no CAF types, no clock.
//
//   loading --loaded--> idle --step--> busy --computed--> idle
//   any --loading failed, or the device is lost or out of memory--> ended; the supervisor decides what follows
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/engine/tensor.hpp"

namespace troupe {

namespace shard_limits {
/// Steps that wait for the device; the sender of one more is told to try again.
inline constexpr std::size_t queue_max = 256;
}  // namespace shard_limits

/// One step as the shard sees it; `ticket` stands for whoever wants the result.
struct shard_step {
  std::uint64_t ticket;
  std::vector<tensor> inputs;
  time_point deadline;
};

namespace shard_action {
/// Give the step to the device half.
struct compute {
  shard_step step;
};
/// The step is done: its outputs go on.
struct forward {
  std::uint64_t ticket;
  std::vector<tensor> outputs;
};
/// The step cannot be done here.
struct refuse {
  std::uint64_t ticket;
  error why;
};
/// End with this reason.
struct end {
  error why;
};
}  // namespace shard_action

using shard_actions =
    std::vector<std::variant<shard_action::compute, shard_action::forward, shard_action::refuse, shard_action::end>>;

class shard_state {
public:
  enum class phase { loading, idle, busy, ended };

  shard_actions loaded(result<void> outcome);
  shard_actions step(shard_step work, time_point now);
  shard_actions computed(result<std::vector<tensor>> outcome, time_point now);

  phase current_phase() const noexcept { return phase_; }
  std::size_t queued() const noexcept { return queue_.size(); }

private:
  void next(time_point now, shard_actions& out);

  phase phase_ = phase::loading;
  std::deque<shard_step> queue_;
  std::optional<std::uint64_t> running_;
};

}  // namespace troupe
