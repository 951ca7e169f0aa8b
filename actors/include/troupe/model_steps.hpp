// Steps of a language model that is spread over shards.
#pragma once

#include "troupe/engine/generation.hpp"
#include "troupe/system.hpp"

namespace troupe {

/// Runs the steps of a generator on a loaded model, with the caches of the shards as they are now: when a shard was
/// lost and came back empty, the generator hears of it and replays its tokens. All steps use the version of the weights
/// that was in use when this was made.
class model_steps final : public step_runner {
public:
  explicit model_steps(const model& steps) : model_(steps.at_this_version()) {}

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override;

  /// Times that a shard was lost and its work done again.
  std::uint64_t recoveries() const noexcept { return recoveries_; }

private:
  model model_;
  std::uint64_t epoch_ = 0;  ///< of the caches that hold what was computed; 0: whichever there are
  std::uint64_t recoveries_ = 0;
};

}  // namespace troupe
