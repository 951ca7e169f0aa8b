#include "aggregator.hpp"

#include "aggregator_state.hpp"
#include "model_messages.hpp"
#include "runtime.hpp"

namespace troupe {
namespace {

class aggregator final : public caf::event_based_actor {
public:
  aggregator(caf::actor_config& config, std::shared_ptr<const plan> layout)
      : event_based_actor(config), layout_(layout), state_(std::move(layout)) {
    quiet(*this);
  }

  const char* name() const override { return "troupe.aggregator"; }

  caf::behavior make_behavior() override {
    return {
        [this](step_msg& arrived) {
          stage_times times{arrived.attempt, arrived.micro, std::move(arrived.stage_seconds)};
          if (auto joined = state_.add(arrived.request, arrived.attempt, arrived.micro, std::move(arrived.tensors)))
            send(arrived.origin,
                 joined_msg{arrived.request, joined->first_attempt, std::move(joined->outcome), std::move(times)});
          else if (layout_->mode == parallel_mode::data)
            send(arrived.origin, micro_joined_msg{arrived.request, std::move(times)});
          return ok_atom::value;
        },
        [this](const expect_join_msg& expected) {
          state_.expect(expected.request, expected.micros, expected.first_attempt);
        },
        [this](const forget_join_msg& forgotten) { state_.forget(forgotten.request); },
    };
  }

private:
  std::shared_ptr<const plan> layout_;
  aggregator_state state_;
};

}  // namespace

caf::actor spawn_aggregator(caf::event_based_actor* parent, std::shared_ptr<const plan> layout) {
  return parent->spawn<aggregator>(std::move(layout));
}

}  // namespace troupe
