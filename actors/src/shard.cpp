#include "shard.hpp"

#include <unordered_map>

#include "caf_error.hpp"
#include "device_half.hpp"
#include "runtime.hpp"
#include "shard_state.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

class shard final : public caf::event_based_actor {
public:
  shard(caf::actor_config& config, shard_options options) : event_based_actor(config), options_(std::move(options)) {
    quiet(*this);
  }

  caf::behavior make_behavior() override {
    device_ = spawn_device_half(this, options_, cancel_);
    return {
        [this](step_msg& work) -> caf::result<ok_atom> {
          if (work.route.empty())
            return to_caf(error(errc::invalid_argument, "a step came to a shard without saying where its outputs go"));
          const std::uint64_t ticket = ++tickets_;
          shard_step step{ticket, std::move(work.tensors), work.deadline};
          pending_.emplace(ticket, std::move(work));
          perform(state_.step(std::move(step), steady_clock::now()));
          return ok_atom::value;
        },
        [this](device_ready_msg& ready) {
          result<void> outcome;
          if (ready.device)
            send(options_.node, shard_ready_msg{options_.plan, options_.part, options_.incarnation,
                                                caf::actor_cast<caf::actor>(this), *ready.device});
          else
            outcome = std::move(ready.device).error().while_doing(fmt::format("loading part {}", options_.part));
          perform(state_.loaded(std::move(outcome)));
        },
        [this](computed_msg& result_of_step) {
          perform(state_.computed(std::move(result_of_step.outcome), steady_clock::now()));
        },
    };
  }

  void on_exit() override {
    cancel_.cancel();  // a step that is running ends within the device's polling interval
    pending_.clear();
    device_ = nullptr;
    options_ = {};
  }

private:
  void perform(shard_actions actions) {
    for (auto& action : actions) std::visit([this](auto& order) { obey(order); }, action);
  }

  void obey(shard_action::compute& order) {
    send(device_, compute_msg{std::move(order.step.inputs), order.step.deadline});
  }

  void obey(shard_action::forward& order) {
    step_msg work = take(order.ticket);
    work.tensors = std::move(order.outputs);
    const caf::actor next = std::move(work.route.front());
    work.route.erase(work.route.begin());
    ++work.stage;
    const auto patience = std::max<duration>(work.deadline - steady_clock::now(), std::chrono::milliseconds(1));
    step_failed_msg failed{work.plan, work.request, work.attempt, work.micro, work.stage};
    const caf::actor origin = work.origin;
    request(next, patience, std::move(work))
        .then([](ok_atom) {},
              [this, failed, origin](caf::error& why) mutable {
                failed.why = from_caf(why).while_doing(fmt::format("passing a step on to stage {}", failed.stage));
                send(origin, std::move(failed));
              });
  }

  void obey(shard_action::refuse& order) {
    const step_msg work = take(order.ticket);
    send(work.origin,
         step_failed_msg{work.plan, work.request, work.attempt, work.micro, work.stage, std::move(order.why)});
  }

  void obey(shard_action::end& order) {
    // Requests that wait here hear of the end through the coordinator's monitor and are tried again.
    const bool final = !order.why.retryable() && order.why.code() != errc::internal;
    send(options_.node, shard_failing_msg{options_.plan, options_.part, order.why, final});
    if (final)
      quit();
    else
      quit(to_caf(order.why));
  }

  step_msg take(std::uint64_t ticket) {
    const auto found = pending_.find(ticket);
    step_msg work = std::move(found->second);
    pending_.erase(found);
    return work;
  }

  shard_options options_;
  shard_state state_;
  cancellation cancel_;
  caf::actor device_;
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, step_msg> pending_;
};

}  // namespace

caf::actor spawn_shard(caf::event_based_actor* parent, shard_options options) {
  return parent->spawn<shard>(std::move(options));
}

}  // namespace troupe
