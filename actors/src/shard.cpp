#include "shard.hpp"

#include <map>
#include <tuple>
#include <unordered_map>

#include "caf_error.hpp"
#include "device_half.hpp"
#include "runtime.hpp"
#include "shard_state.hpp"
#include "slice_state.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

class shard final : public caf::event_based_actor {
public:
  shard(caf::actor_config& config, shard_options options) : event_based_actor(config), options_(std::move(options)) {
    quiet(*this);
  }

  const char* name() const override { return "troupe.shard"; }

  caf::behavior make_behavior() override {
    device_ = spawn_device_half(this, options_, cancel_);
    return {
        [this](step_msg& work) -> caf::result<ok_atom> {
          if (slices_) return slice_step(work);
          if (work.route.empty())
            return to_caf(error(errc::invalid_argument, "a step came to a shard without saying where its outputs go"));
          const std::uint64_t ticket = ++tickets_;
          shard_step step{ticket, std::move(work.tensors), work.deadline};
          pending_.emplace(ticket, std::move(work));
          perform(state_.step(std::move(step), clock().now()));
          return ok_atom::value;
        },
        [this](device_ready_msg& ready) {
          result<void> outcome;
          if (ready.program && ready.program->slices > 1) {
            slice_ = ready.program->slice;
            slices_.emplace(std::move(ready.program));
          }
          if (ready.device)
            send(options_.node, shard_ready_msg{options_.plan, options_.part, options_.incarnation,
                                                caf::actor_cast<caf::actor>(this), *ready.device});
          else
            outcome = std::move(ready.device).error().while_doing(fmt::format("loading part {}", options_.part));
          perform(state_.loaded(std::move(outcome)));
        },
        [this](computed_msg& result_of_step) {
          computed_s_ = result_of_step.seconds;
          perform(state_.computed(std::move(result_of_step.outcome), clock().now()));
        },
    };
  }

  void on_exit() override {
    cancel_.cancel();  // a step that is running ends within the device's polling interval
    pending_.clear();
    slice_works_.clear();
    device_ = nullptr;
    options_ = {};
  }

private:
  void perform(shard_actions actions) {
    for (auto& action : actions) std::visit([this](auto& order) { obey(order); }, action);
  }

  void obey(shard_action::compute& order) {
    const auto place = slice_places_.find(order.step.ticket);
    send(device_, compute_msg{place == slice_places_.end() ? 0 : place->second.segment, std::move(order.step.inputs),
                              order.step.deadline});
  }

  void obey(shard_action::forward& order) {
    if (const auto place = take_place(order.ticket))
      return perform(slices_->computed(place->work, std::move(order.outputs)));
    step_msg work = take(order.ticket);
    work.tensors = std::move(order.outputs);
    const caf::actor next = std::move(work.route.front());
    work.route.erase(work.route.begin());
    ++work.stage;
    work.stage_seconds.push_back(computed_s_);
    pass_on(next, std::move(work));
  }

  void pass_on(const caf::actor& next, step_msg work) {
    const auto patience = std::max<duration>(work.deadline - clock().now(), std::chrono::milliseconds(1));
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
    if (const auto place = take_place(order.ticket)) {
      slices_->drop(place->work);
      slice_action::refuse said{place->work, std::move(order.why)};
      return obey(said);
    }
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

  // What a slice of a model does besides.

  using slice_key = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;  // request, micro, attempt
  struct slice_place {
    slice_work work;
    std::size_t segment;
  };
  static slice_key key_of(const slice_work& work) { return {work.request, work.micro, work.attempt}; }

  caf::result<ok_atom> slice_step(step_msg& work) {
    const slice_work which{work.request, work.micro, work.attempt};
    const bool inputs = work.stage == 0;
    if (inputs && work.route.size() != slices_->slices() + 1)
      return to_caf(error(errc::invalid_argument, "a step came to a slice of a model without naming the others"));
    auto tensors = std::exchange(work.tensors, {});
    const time_point now = clock().now();
    // Somebody must be told of a failure also when the inputs have not come yet.
    if (inputs)
      slice_works_.insert_or_assign(key_of(which), work);
    else
      slice_works_.try_emplace(key_of(which), work);
    perform(inputs ? slices_->begin(which, std::move(tensors), work.deadline, now)
                   : slices_->partial(which, work.stage - 1, work.slice, std::move(tensors), work.deadline, now));
    if (!slices_->knows(which)) slice_works_.erase(key_of(which));
    return ok_atom::value;
  }

  void perform(slice_actions actions) {
    for (auto& action : actions) std::visit([this](auto& order) { obey(order); }, action);
  }

  void obey(slice_action::compute& order) {
    const std::uint64_t ticket = ++tickets_;
    slice_places_.emplace(ticket, slice_place{order.work, order.segment});
    perform(state_.step({ticket, std::move(order.inputs), order.deadline}, clock().now()));
  }

  void obey(slice_action::send& order) {
    const auto found = slice_works_.find(key_of(order.work));
    if (found == slice_works_.end()) return;
    step_msg partial = found->second;
    const auto route = std::exchange(partial.route, {});
    partial.stage = static_cast<std::uint32_t>(order.segment + 1);
    partial.slice = static_cast<std::uint32_t>(slice_);
    partial.tensors = std::move(order.partials);
    for (std::size_t k = 0; k < (order.to_all ? route.size() - 1 : 1); ++k)
      if (k != slice_) pass_on(route[k], partial);
  }

  void obey(slice_action::finish& order) {
    auto ended = slice_works_.extract(key_of(order.work));
    if (!order.outputs || ended.empty()) return;
    step_msg& work = ended.mapped();
    const caf::actor aggregator = work.route.back();
    work.route.clear();
    work.tensors = std::move(*order.outputs);
    pass_on(aggregator, std::move(work));
  }

  void obey(slice_action::refuse& order) {
    const auto ended = slice_works_.extract(key_of(order.work));
    if (ended.empty()) return;
    const step_msg& work = ended.mapped();
    send(work.origin,
         step_failed_msg{work.plan, work.request, work.attempt, work.micro, work.stage, std::move(order.why)});
  }

  void obey(slice_action::forget& order) { slice_works_.erase(key_of(order.work)); }

  std::optional<slice_place> take_place(std::uint64_t ticket) {
    auto found = slice_places_.extract(ticket);
    return found.empty() ? std::nullopt : std::optional(found.mapped());
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
  float computed_s_ = 0;  ///< that the device took for the step that has just ended
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, step_msg> pending_;

  std::optional<slice_state> slices_;  ///< when the part is one of several slices
  std::size_t slice_ = 0;
  std::map<slice_key, step_msg> slice_works_;                    ///< without their tensors
  std::unordered_map<std::uint64_t, slice_place> slice_places_;  ///< by ticket of the step that computes it
};

}  // namespace

caf::actor spawn_shard(caf::event_based_actor* parent, shard_options options) {
  return parent->spawn<shard>(std::move(options));
}

}  // namespace troupe
