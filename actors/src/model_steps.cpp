#include "troupe/model_steps.hpp"

#include <algorithm>

namespace troupe {

result<std::vector<tensor>> model_steps::run(std::span<const tensor> inputs, time_point deadline,
                                             const cancellation& cancel) {
  if (cancel.cancelled()) return error(errc::cancelled, "the step was cancelled before it began");
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);  // now plus this is still a time
  auto answer =
      model_.run(inputs, {.deadline = std::clamp(left, std::chrono::milliseconds(1), longest), .state_epoch = epoch_});
  if (!answer) {
    if (answer.error().code() == errc::state_lost) {
      epoch_ = 0;
      ++recoveries_;
    }
    return std::move(answer).error();
  }
  epoch_ = answer->state_epoch;
  recoveries_ += answer->recoveries;
  return std::move(answer->outputs);
}

}  // namespace troupe
