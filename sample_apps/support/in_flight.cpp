#include "in_flight.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace troupe::sample {

struct in_flight::state {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<run_result>> answers;
  std::size_t sent = 0;
  std::size_t done = 0;
  std::optional<error> failure;
};

namespace {

// The model answers within its deadline; that it does not is worth an error instead of a hang.
constexpr std::chrono::seconds grace{10};

error silent() {
  return error(errc::internal, "the model gives no answer within its own deadline; please report this");
}

}  // namespace

in_flight::in_flight(model target, run_options options, std::size_t limit)
    : target_(std::move(target)), options_(options), limit_(limit), state_(std::make_shared<state>()) {}

void in_flight::push(std::vector<tensor> inputs) {
  std::size_t position = 0;
  {
    std::unique_lock lock(state_->mutex);
    const bool room = state_->changed.wait_for(
        lock, options_.deadline + grace, [this] { return state_->failure || state_->sent - state_->done < limit_; });
    if (!room) state_->failure = silent();
    if (state_->failure) return;
    position = state_->sent++;
    state_->answers.emplace_back();
  }
  target_.submit(std::move(inputs), options_, [state = state_, position](result<run_result> outcome) {
    const std::lock_guard lock(state->mutex);
    ++state->done;
    if (outcome) {
      state->answers[position] = std::move(outcome).value();
    } else if (!state->failure) {
      state->failure = std::move(outcome).error();
    }
    state->changed.notify_all();
  });
}

std::size_t in_flight::answered() const {
  const std::lock_guard lock(state_->mutex);
  return state_->done;
}

result<std::vector<run_result>> in_flight::finish() {
  std::unique_lock lock(state_->mutex);
  const bool ended = state_->changed.wait_for(lock, options_.deadline + grace,
                                              [this] { return state_->failure || state_->done == state_->sent; });
  if (!ended) return silent();
  if (state_->failure) return *state_->failure;
  std::vector<run_result> answers;
  answers.reserve(state_->answers.size());
  for (auto& answer : state_->answers) answers.push_back(std::move(*answer));
  state_->answers.clear();
  state_->sent = state_->done = 0;
  return answers;
}

}  // namespace troupe::sample
