#include "model_core.hpp"

#include <algorithm>
#include <caf/send.hpp>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

std::uint64_t model_core::submit(std::vector<tensor> inputs, time_point deadline, std::uint64_t state_epoch,
                                 callback done) {
  const std::uint64_t ticket = ++tickets_;
  send({ticket, std::move(inputs), deadline, state_epoch, std::move(done)});
  return ticket;
}

void model_core::cancel(std::uint64_t ticket) {
  std::optional<submission> waiting;
  caf::actor target;
  {
    const std::lock_guard lock(mutex_);
    target = coordinator_;
    const auto found =
        std::find_if(parked_.begin(), parked_.end(), [&](const submission& work) { return work.ticket == ticket; });
    if (found != parked_.end()) {
      waiting = std::move(*found);
      parked_.erase(found);
    }
  }
  if (waiting) return waiting->done(error(errc::cancelled, "the caller withdrew the request"));
  if (target) caf::anon_send(target, cancel_msg{ticket});
}

std::uint64_t model_core::first_state_epoch() {
  const std::lock_guard lock(mutex_);
  // No coordinator lives through 2^32 losses, no version through 2^16 coordinators.
  return ((version_ - 1) << 48) + (epoch_ranges_++ << 32) + 1;
}

void model_core::send(submission work) {
  caf::actor target;
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    target = coordinator_;
    generation = generation_;
  }
  if (!target) return park(std::move(work));
  // Tensors are shared, so keeping a second submission for the case of a loss copies no data.
  const auto kept = std::make_shared<submission>(work);
  completion done([self = weak_from_this(), kept, generation](std::optional<result<run_result>> outcome) {
    if (outcome) return kept->done(std::move(*outcome));
    const auto core = self.lock();
    if (!core) return kept->done(error(errc::unavailable, "the model was unloaded"));
    {
      const std::lock_guard lock(core->mutex_);
      if (core->generation_ == generation) core->coordinator_ = nullptr;
    }
    if (core->stateful_)
      return kept->done(error(errc::state_lost,
                              "the coordinator of the model ended, and the states of the model with it; run again what "
                              "made them"));
    core->send(std::move(*kept));
  });
  caf::anon_send(target,
                 submit_msg{work.ticket, std::move(work.inputs), work.deadline, work.state_epoch, std::move(done)});
}

void model_core::park(submission work) {
  std::optional<error> refused;
  {
    const std::lock_guard lock(mutex_);
    if (closed_)
      refused = closed_;
    else if (parked_.size() >= parked_max)
      refused = fail(errc::unavailable, "{} requests wait for the coordinator, which is the limit", parked_.size());
    else if (coordinator_)
      ;  // it has come meanwhile
    else
      return parked_.push_back(std::move(work));
  }
  if (refused) return work.done(*refused);
  send(std::move(work));
}

void model_core::coordinator_started(const caf::actor& coordinator) {
  std::deque<submission> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    coordinator_ = coordinator;
    ++generation_;
    waiting.swap(parked_);
  }
  for (submission& work : waiting) send(std::move(work));
}

void model_core::aggregator_started(const caf::actor& aggregator) {
  caf::actor coordinator;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    aggregator_ = aggregator;
    coordinator = coordinator_;
  }
  if (coordinator) caf::anon_send(coordinator, aggregator_replaced_msg{aggregator});
}

caf::actor model_core::aggregator() const {
  const std::lock_guard lock(mutex_);
  return aggregator_;
}

caf::actor model_core::coordinator() const {
  const std::lock_guard lock(mutex_);
  return coordinator_;
}

void model_core::close(const error& why) {
  std::deque<submission> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) closed_ = why;
    coordinator_ = nullptr;
    aggregator_ = nullptr;
    ++generation_;
    waiting.swap(parked_);
  }
  for (submission& work : waiting) work.done(why);
}

}  // namespace troupe
