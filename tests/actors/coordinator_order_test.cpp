// Several runs of a model with states under way at once, over stages that refuse some: whatever is answered was
// computed, at every stage, after all runs before it.
#include <array>
#include <deque>
#include <set>

#include "aggregator_state.hpp"
#include "coordinator_state.hpp"
#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::coordinator_action;

namespace {

constexpr std::size_t stages = 3;
const time_point start_time{};
const time_point far = start_time + std::chrono::hours(1);

struct step_on_its_way {
  std::uint64_t request = 0;
  std::uint32_t attempt = 0;
  bool right = true;  ///< so far, every stage had computed all runs before
};

std::vector<tensor> verdict(bool right) {
  const std::int32_t value = right;
  return {need(tensor::from<std::int32_t>({1}, {&value, 1}))};
}

/// Stages and an aggregator around the real decisions. Messages from one sender to one receiver keep their order, and
/// nothing else does; but what the aggregator is to expect is in its mailbox before any step is on its way.
class world {
public:
  explicit world(std::uint64_t seed) : random_(seed), layout_(stateful()), state_(layout_, 0), aggregator_(layout_) {
    perform(state_.start());
    for (std::uint32_t part = 0; part < stages; ++part) perform(state_.part_up(part, 0, 1));
  }

  void submit() { perform(state_.submit(++submitted_, verdict(true), far, start_time, 1)); }
  std::size_t submitted() const { return submitted_; }
  std::size_t answered() const { return answered_.size(); }
  std::size_t refused() const { return refused_; }

  /// One message arrives somewhere, or a pause ends.
  void move(bool may_refuse) {
    const std::size_t which = random_.below(2 * stages + 3);
    if (which < stages)
      compute(which, may_refuse && random_.below(12) == 0);
    else if (which < 2 * stages)
      take(failures_[which - stages], [&](const step_on_its_way& failed) {
        perform(state_.step_failed(failed.request, failed.attempt, 0, error(errc::unavailable, "refused")));
      });
    else if (which == 2 * stages)
      take(last_, [&](const step_on_its_way& made) {
        if (auto joined = aggregator_.add(made.request, made.attempt, 0, verdict(made.right)))
          joined_.push_back({made.request, std::move(*joined)});
      });
    else if (which == 2 * stages + 1)
      take(joined_, [&](auto& said) {
        perform(state_.joined(said.first, said.second.first_attempt, std::move(said.second.outcome)));
      });
    else
      take(pauses_,
           [&](const arm_retry& armed) { perform(state_.retry_due(armed.request, armed.micro, armed.attempt)); });
  }

private:
  static std::shared_ptr<const plan> stateful() {
    plan made;
    made.stages = stages;
    made.stateful = true;
    for (std::uint32_t stage = 0; stage < stages; ++stage) made.parts.push_back({0, stage, nullptr});
    return std::make_shared<const plan>(made);
  }

  template <class Queue, class Receive>
  static void take(Queue& from, Receive receive) {
    if (from.empty()) return;
    auto first = std::move(from.front());
    from.pop_front();
    receive(first);
  }

  void compute(std::size_t stage, bool refuses) {
    take(queues_[stage], [&](step_on_its_way step) {
      if (refuses) {
        ++refused_;
        failures_[stage].push_back(step);
        return;
      }
      for (std::uint64_t before = 1; before < step.request; ++before)
        step.right = step.right && (written_[stage].count(before) == 1 || failed_.count(before) == 1);
      if (step.right)
        written_[stage].insert(step.request);
      else
        written_[stage].erase(step.request);
      (stage + 1 < stages ? queues_[stage + 1] : last_).push_back(step);
    });
  }

  void perform(const coordinator_actions& actions) {
    for (const auto& action : actions) {
      if (const auto* sent = std::get_if<send_step>(&action))
        queues_[0].push_back({sent->request, sent->attempt, true});
      if (const auto* expected = std::get_if<expect_join>(&action))
        aggregator_.expect(expected->request, expected->micros, expected->first_attempt);
      if (const auto* armed = std::get_if<arm_retry>(&action)) pauses_.push_back(*armed);
      if (const auto* said = std::get_if<answer>(&action)) {
        REQUIRE(answered_.insert(said->request).second);
        if (!said->outcome) {
          REQUIRE(said->outcome.error().code() == errc::unavailable);
          failed_.insert(said->request);
        } else {
          INFO("request " << said->request);
          REQUIRE(said->outcome->outputs.at(0).as<std::int32_t>()[0] == 1);
        }
      }
    }
  }

  random_source random_;
  std::shared_ptr<const plan> layout_;
  coordinator_state state_;
  aggregator_state aggregator_;
  std::array<std::deque<step_on_its_way>, stages> queues_, failures_;
  std::deque<step_on_its_way> last_;
  std::deque<std::pair<std::uint64_t, aggregator_state::joined_parts>> joined_;
  std::deque<arm_retry> pauses_;
  std::array<std::set<std::uint64_t>, stages> written_;
  std::set<std::uint64_t> answered_, failed_;
  std::uint64_t submitted_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace

TEST_CASE("runs under way at once are answered as if one had been made after the other") {
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    world around(seed);
    int moves = 0;
    while (around.submitted() < 12 || around.answered() < around.submitted()) {
      REQUIRE(++moves < 100000);
      if (around.submitted() < 12 && around.submitted() < around.answered() + 4 && random.below(4) == 0)
        around.submit();
      around.move(true);
    }
    refused += around.refused();
  }
  CHECK(refused > 1000);
}
