#include "shard_state.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

using namespace shard_action;

namespace {
/// Failures after which the device half cannot be trusted: a new one is made, and whoever waits hears of the loss and
/// tries again. Everything else is an answer to one step.
bool ends_the_shard(const error& why) {
  return why.code() == errc::device_lost || why.code() == errc::out_of_memory || why.code() == errc::internal;
}
}  // namespace

shard_actions shard_state::loaded(result<void> outcome) {
  shard_actions out;
  if (phase_ != phase::loading) return out;
  if (!outcome) {
    phase_ = phase::ended;
    out.push_back(end{std::move(outcome).error()});
    return out;
  }
  phase_ = phase::idle;
  next(time_point::min(), out);
  return out;
}

shard_actions shard_state::step(shard_step work, time_point now) {
  shard_actions out;
  if (phase_ == phase::ended) return out;  // the sender hears of our end
  if (queue_.size() >= shard_limits::queue_max) {
    out.push_back(refuse{work.ticket,
                         fail(errc::unavailable, "{} steps wait for the device, which is the limit", queue_.size())});
    return out;
  }
  queue_.push_back(std::move(work));
  if (phase_ == phase::idle) next(now, out);
  return out;
}

shard_actions shard_state::computed(result<std::vector<tensor>> outcome, time_point now) {
  shard_actions out;
  if (phase_ != phase::busy) return out;
  const std::uint64_t ticket = *running_;
  running_.reset();
  phase_ = phase::idle;
  if (outcome) {
    out.push_back(forward{ticket, std::move(outcome).value()});
  } else if (ends_the_shard(outcome.error())) {
    phase_ = phase::ended;
    out.push_back(end{std::move(outcome).error()});
    return out;
  } else {
    out.push_back(refuse{ticket, std::move(outcome).error()});
  }
  next(now, out);
  return out;
}

/// Starts the first queued step that is still wanted.
void shard_state::next(time_point now, shard_actions& out) {
  while (!queue_.empty()) {
    shard_step work = std::move(queue_.front());
    queue_.pop_front();
    if (now >= work.deadline) {
      out.push_back(
          refuse{work.ticket, error(errc::deadline_exceeded, "the step's deadline passed before the device was free")});
      continue;
    }
    running_ = work.ticket;
    phase_ = phase::busy;
    out.push_back(compute{std::move(work)});
    return;
  }
}

}  // namespace troupe
