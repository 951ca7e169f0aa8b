#include "troupe/model_steps.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::chrono::milliseconds wait_slice{20};

}  // namespace

void model_steps::begin(std::vector<tensor> inputs, time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);  // now plus this is still a time
  const run_options options{.deadline = std::clamp(left, std::chrono::milliseconds(1), longest), .state_epoch = epoch_};
  const auto promise = std::make_shared<std::promise<result<run_result>>>();
  step made{0, promise->get_future()};
  made.id = model_.submit(std::move(inputs), options,
                          [promise](result<run_result> outcome) { promise->set_value(std::move(outcome)); });
  begun_.push_back(std::move(made));
}

result<std::vector<tensor>> model_steps::collect(time_point deadline, const cancellation& cancel) {
  if (begun_.empty()) return error(errc::internal, "a step is collected that was not begun");
  auto& waited = begun_.front().answer;
  while (waited.wait_until(std::min(deadline, steady_clock::now() + wait_slice)) != std::future_status::ready) {
    if (cancel.cancelled()) return error(errc::cancelled, "the step was cancelled");
    if (steady_clock::now() >= deadline) return error(errc::deadline_exceeded, "the deadline passed during a step");
  }
  result<run_result> answer = waited.get();
  begun_.pop_front();
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

void model_steps::abandon() {
  for (const step& each : begun_) model_.cancel(each.id);
  begun_.clear();
}

}  // namespace troupe
