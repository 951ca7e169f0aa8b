// Steps of a language model that is spread over shards.
#pragma once

#include <deque>
#include <future>

#include "troupe/engine/generation.hpp"
#include "troupe/system.hpp"

namespace troupe {

/// Runs the steps of a generator on a loaded model, with the caches of the shards as they are now: when a shard was
/// lost and came back empty, the generator hears of it and replays its tokens. Every shard has a step to work on, as
/// far as the sessions allow. All steps use the version of the weights that was in use when this was made.
class model_steps final : public step_runner {
public:
  explicit model_steps(const model& steps) : model_(steps.at_this_version()) {}

  /// 1 until it is known which caches are worked with: nothing may be made with others after them.
  std::size_t stages() const noexcept override { return epoch_ == 0 ? 1 : model_.stages(); }
  void begin(std::vector<tensor> inputs, time_point deadline) override;
  /// Ends within 20 ms of a cancellation.
  result<std::vector<tensor>> collect(time_point deadline, const cancellation& cancel) override;
  void abandon() override;

  /// Times that a shard was lost and its work done again.
  std::uint64_t recoveries() const noexcept { return recoveries_; }

private:
  struct step {
    run_id id;
    std::future<result<run_result>> answer;
  };

  model model_;
  std::deque<step> begun_;
  std::uint64_t epoch_ = 0;  ///< of the caches that hold what was computed; 0: whichever there are
  std::uint64_t recoveries_ = 0;
};

}  // namespace troupe
