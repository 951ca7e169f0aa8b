// Parts that move while requests are under way: no request is lost, none is answered twice, and nothing is unloaded
// while somebody needs it.
#include <algorithm>
#include <map>

#include "support/coordinator_case.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::coordinator_action;

namespace {

/// Starts the plan and says that every part is up.
void bring_up(coordinator_state& state) {
  for (const auto& placed : only<place_part>(state.start())) state.part_up(placed.part, placed.host, 1);
}

/// With what parts are moved by: each is expected to take a hundredth of a second.
std::shared_ptr<const plan> followed(const std::shared_ptr<const plan>& layout) {
  plan made = *layout;
  auto basis = std::make_shared<plan_basis>();
  for (std::size_t part = 0; part < made.parts.size(); ++part) {
    operator_cost cost;
    cost.operations = 1e9;
    basis->costs.operators.push_back(cost);
    basis->costs.cuts.push_back(part);
    basis->first.push_back(part);
  }
  basis->costs.cut_bytes.assign(made.parts.size() + 1, 1000);
  if (made.mode == parallel_mode::data) made.split = split_policy::measured;
  made.basis = basis;
  return std::make_shared<const plan>(std::move(made));
}

/// A request of which each stage takes so long, three seconds after the one before.
coordinator_actions pass(coordinator_state& state, std::uint64_t request, const std::vector<float>& stage_seconds,
                         time_point& now) {
  state.submit(request, batch(1), far, now);
  now += std::chrono::seconds(3);
  auto orders = state.timed(request, 1, 0, stage_seconds, now);
  for (auto& each : state.joined(request, 0, batch(1))) orders.push_back(std::move(each));
  return orders;
}

/// A cluster of nodes that do what they are told, and what the coordinator must never do to them.
class cluster {
public:
  cluster(std::shared_ptr<const plan> layout, std::uint32_t remote)
      : layout_(std::move(layout)), state_(layout_, remote), alive_(remote + 1, true) {
    perform(state_.start());
  }

  coordinator_state& state() { return state_; }
  std::size_t answered() const { return answered_; }
  std::size_t failed() const { return failed_; }

  void submit(std::int64_t rows) {
    ++submitted_;
    perform(state_.submit(++ids_, batch(rows), far, start_time));
  }
  /// One part that was ordered is up, if there is one.
  void load_one(random_source& random) {
    if (loading_.empty()) return;
    auto chosen = std::next(loading_.begin(), static_cast<std::ptrdiff_t>(random.below(loading_.size())));
    const auto [part, host] = *chosen;
    loading_.erase(chosen);
    loaded_[{part, host}] = ++incarnations_;
    perform(state_.part_up(part, host, incarnations_));
  }
  void crash_one(random_source& random) {
    if (loaded_.empty()) return;
    faults_ = true;
    auto chosen = std::next(loaded_.begin(), static_cast<std::ptrdiff_t>(random.below(loaded_.size())));
    const auto [where, incarnation] = *chosen;
    loaded_.erase(chosen);
    loading_.insert(where);
    drop_steps(incarnation);
    perform(state_.part_down(where.first, where.second, incarnation));
  }
  void lose_host(random_source& random) {
    const auto host = static_cast<std::uint32_t>(random.below(alive_.size()));
    if (!alive_[host] || host == state_.hosts().local()) return;
    alive_[host] = false;
    faults_ = true;
    for (auto each = loaded_.begin(); each != loaded_.end();) {
      if (each->first.second == host) {
        drop_steps(each->second);
        each = loaded_.erase(each);
      } else {
        ++each;
      }
    }
    for (auto each = loading_.begin(); each != loading_.end();)
      each = each->second == host ? loading_.erase(each) : std::next(each);
    perform(state_.host_down(host));
  }
  void join_host() {
    alive_.push_back(true);
    perform(state_.host_up());
  }
  void retire_host(random_source& random) {
    const auto host = static_cast<std::uint32_t>(random.below(alive_.size()));
    perform(state_.host_leaving(host));
  }
  void finish_one(random_source& random) {
    if (steps_.empty()) return;
    // Parts with a state see steps in their order, and so does whoever waits behind them.
    const auto chosen = layout_->stateful ? 0 : random.below(steps_.size());
    const sent arrived = steps_[chosen];
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(chosen));
    const auto found = expected_.find(arrived.request);
    if (found == expected_.end()) return;
    found->second[arrived.micro] = true;
    now_ += std::chrono::milliseconds(200);
    perform(state_.timed(arrived.request, arrived.attempt, arrived.micro, arrived.stage_seconds, now_));
    if (std::all_of(found->second.begin(), found->second.end(), [](bool there) { return there; })) {
      expected_.erase(found);
      perform(state_.joined(arrived.request, 0, batch(1)));
    }
  }
  void settle(random_source& random) {
    for (int round = 0; round < 10'000 && (!loading_.empty() || !steps_.empty()); ++round) {
      load_one(random);
      finish_one(random);
    }
  }
  void check_settled() {
    CHECK(answered_ + failed_ == submitted_);
    CHECK(state_.requests() == 0);
    // Every part runs at one place: nothing was forgotten at another.
    CHECK(loaded_.size() == layout_->parts.size());
    for (std::uint32_t part = 0; part < layout_->parts.size(); ++part) {
      CHECK_FALSE(state_.parts()[part].next);
      CHECK(loaded_.count({part, state_.parts()[part].host}) == 1);
      CHECK(state_.hosts().wanted(state_.parts()[part].host));
    }
  }

private:
  using place = std::pair<std::uint32_t, std::uint32_t>;  // part, host
  struct sent {
    std::uint64_t request;
    std::uint32_t micro, attempt;
    std::vector<std::uint64_t> through;  // incarnations
    std::vector<float> stage_seconds;
  };

  void drop_steps(std::uint64_t incarnation) {
    steps_.erase(std::remove_if(steps_.begin(), steps_.end(),
                                [&](const sent& step) {
                                  return std::count(step.through.begin(), step.through.end(), incarnation) > 0;
                                }),
                 steps_.end());
  }

  void perform(const coordinator_actions& actions) {
    for (const auto& action : actions) std::visit([&](const auto& order) { obey(order); }, action);
  }
  void obey(const place_part& order) {
    REQUIRE(alive_[order.host]);
    // What runs there already is replaced: the coordinator must not rely on it any more.
    if (const auto old = loaded_.find({order.part, order.host}); old != loaded_.end()) {
      drop_steps(old->second);
      loaded_.erase(old);
    }
    loading_.insert({order.part, order.host});
  }
  void obey(const switch_part& order) { REQUIRE(loaded_.count({order.part, state_.parts()[order.part].host}) == 1); }
  void obey(const unload_part& order) {
    if (!alive_[order.host]) return;
    const place where{order.part, order.host};
    if (const auto found = loaded_.find(where); found != loaded_.end()) {
      // After a loss the steps of a whole replica are done again, also those that would have arrived.
      for (const sent& step : steps_)
        if (!faults_ && expected_.count(step.request))
          REQUIRE(std::count(step.through.begin(), step.through.end(), found->second) == 0);
      loaded_.erase(found);
    }
    loading_.erase(where);
  }
  void obey(const send_step& order) {
    sent step{order.request, order.micro, order.attempt, {}, {}};
    for (std::uint32_t stage = 0; stage < layout_->stages; ++stage) {
      const std::uint32_t part = layout_->part_of(order.replica, stage);
      const auto found = loaded_.find({part, state_.parts()[part].host});
      REQUIRE(found != loaded_.end());
      step.through.push_back(found->second);
      // Some hosts are many times as slow as others, whatever was expected of them.
      step.stage_seconds.push_back(0.01f * static_cast<float>(1 + state_.parts()[part].host * 7 % 5));
    }
    steps_.push_back(std::move(step));
  }
  void obey(const expect_join& order) { expected_[order.request].assign(order.micros, false); }
  void obey(const forget_join& order) { expected_.erase(order.request); }
  void obey(const answer& order) {
    REQUIRE(answers_[order.request]++ == 0);
    if (order.outcome) {
      ++answered_;
    } else {
      ++failed_;
      const errc code = order.outcome.error().code();
      REQUIRE((code == errc::state_lost || code == errc::unavailable));
    }
  }
  void obey(const arm_retry&) { FAIL("no step was refused"); }
  void obey(const arm_late&) { FAIL("no share of a batch was reported"); }
  void obey(const report_ready& order) { REQUIRE(order.outcome); }

  std::shared_ptr<const plan> layout_;
  coordinator_state state_;
  std::vector<bool> alive_;
  std::set<place> loading_;
  std::map<place, std::uint64_t> loaded_;
  std::vector<sent> steps_;
  std::map<std::uint64_t, std::vector<bool>> expected_;
  std::map<std::uint64_t, int> answers_;
  time_point now_ = start_time;
  bool faults_ = false;
  std::uint64_t ids_ = 0, incarnations_ = 0;
  std::size_t submitted_ = 0, answered_ = 0, failed_ = 0;
};

}  // namespace

TEST_CASE("a host that comes takes parts, and the old place is unloaded when its last step has ended") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 1);
  bring_up(state);
  CHECK(only<send_step>(state.submit(1, batch(4), far, start_time)).size() == 1);
  const auto moved = only<place_part>(state.host_up());
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].part == 1);
  CHECK(moved[0].host == 2);
  const auto arrived = state.part_up(1, 2, 1);
  CHECK(only<switch_part>(arrived).size() == 1);
  CHECK(only<unload_part>(arrived).empty());  // request 1 is on its way through the old place
  CHECK(only<send_step>(arrived).empty());
  CHECK(only<send_step>(state.submit(2, batch(4), far, start_time)).size() == 1);
  const auto done = state.joined(1, 0, batch(4));
  CHECK(only<answer>(done).size() == 1);
  REQUIRE(only<unload_part>(done).size() == 1);
  CHECK(only<unload_part>(done)[0].host == 0);
  CHECK(need(only<answer>(state.joined(2, 0, batch(4)))[0].outcome).recoveries == 0);
}

TEST_CASE("a step that was sent to a place that is lost after its part has left it is done again") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 1);
  bring_up(state);
  state.submit(1, batch(4), far, start_time);
  state.host_up();
  state.part_up(1, 2, 1);
  const auto again = only<send_step>(state.part_down(1, 0, 1));
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 2);
}

TEST_CASE("parts leave a host that is about to leave, for this process when there is no other") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 1);
  bring_up(state);
  const auto moved = only<place_part>(state.host_leaving(0));
  REQUIRE(moved.size() == 2);
  CHECK(moved[0].host == 1);
  CHECK(only<unload_part>(state.part_up(0, 1, 1)).size() == 1);
  CHECK(only<unload_part>(state.part_up(1, 1, 1)).size() == 1);
  CHECK(only<place_part>(state.host_down(0)).empty());
  // A node that comes takes them back.
  CHECK(only<place_part>(state.host_up()).size() == 2);
}

TEST_CASE("parts with states move together, and that ends their epoch once") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2, true), 1);
  bring_up(state);
  state.submit(1, batch(4), far, start_time, 1);
  CHECK(only<place_part>(state.host_leaving(0)).size() == 2);
  CHECK(state.part_up(0, 1, 1).empty());
  CHECK(state.state_epoch() == 1);
  const auto both = state.part_up(1, 1, 1);
  CHECK(only<switch_part>(both).size() == 2);
  CHECK(only<unload_part>(both).size() == 2);
  REQUIRE(only<answer>(both).size() == 1);
  CHECK(only<answer>(both)[0].outcome.error().code() == errc::state_lost);
  CHECK(state.state_epoch() == 2);
  CHECK(only<send_step>(state.submit(2, batch(4), far, start_time, 2)).size() == 1);
}

TEST_CASE("a part leaves a host that takes much longer than others, without losing a request") {
  coordinator_state state(followed(layout_of(parallel_mode::pipeline, 1, 2)), 3);
  bring_up(state);
  REQUIRE(state.parts()[0].host == 0);
  const std::uint32_t slow = state.parts()[1].host;
  time_point now = start_time;
  const std::vector<float> seconds{0.01f, 0.05f};
  for (std::uint64_t request = 1; request < 8; ++request)
    CHECK(only<place_part>(pass(state, request, seconds, now)).empty());
  CHECK(state.step_s(1) == Approx(0.05));
  const auto placed = only<place_part>(pass(state, 8, seconds, now));
  REQUIRE(placed.size() == 1);
  CHECK(placed[0].part == 1);
  CHECK(placed[0].host != slow);
  state.submit(9, batch(1), far, now);
  CHECK(only<unload_part>(state.part_up(1, placed[0].host, 1)).empty());  // request 9 still needs the old place
  state.timed(9, 1, 0, seconds, now);
  CHECK(state.step_s(1) == 0);  // what the old place took is no news of the new one
  const auto done = state.joined(9, 0, batch(1));
  CHECK(only<answer>(done).size() == 1);
  REQUIRE(only<unload_part>(done).size() == 1);
  CHECK(only<unload_part>(done)[0].host == slow);
}

TEST_CASE("a part does not change places with one of this process, which takes no others") {
  plan planned = *followed(layout_of(parallel_mode::pipeline, 1, 2));
  auto basis = *planned.basis;
  basis.costs.operators[1].operations *= 4;
  planned.basis = std::make_shared<const plan_basis>(basis);
  planned.parts[0].host = 1;  // this process, where the second part would take a tenth of the time
  planned.parts[1].host = 0;
  coordinator_state state(std::make_shared<const plan>(planned), 1);
  bring_up(state);
  time_point now = start_time;
  for (std::uint64_t request = 1; request < 20; ++request)
    CHECK(only<place_part>(pass(state, request, {0.01f, 0.4f}, now)).empty());
}

TEST_CASE("a host that gave up a part that was to be faster there takes it when it has to move") {
  coordinator_state state(followed(layout_of(parallel_mode::pipeline, 1, 2)), 2);
  bring_up(state);
  time_point now = start_time;
  std::vector<place_part> placed;
  std::uint64_t request = 0;
  while (placed.empty() && request < 20) placed = only<place_part>(pass(state, ++request, {0.01f, 0.05f}, now));
  REQUIRE(placed.size() == 1);
  CHECK(placed[0].host == 0);
  CHECK(only<place_part>(state.part_failed(1, 0, error(errc::out_of_memory, "full"))).empty());
  for (int i = 0; i < 20; ++i) CHECK(only<place_part>(pass(state, ++request, {0.01f, 0.05f}, now)).empty());
  placed = only<place_part>(state.host_down(1));
  REQUIRE(placed.size() == 1);
  CHECK(placed[0].host == 0);
}

TEST_CASE("a host that comes takes parts itself: none go back to the slow one that they left") {
  coordinator_state state(followed(layout_of(parallel_mode::pipeline, 1, 4)), 2);
  bring_up(state);
  time_point now = start_time;
  std::vector<place_part> placed;
  for (std::uint64_t request = 1; placed.empty() && request < 20; ++request)
    placed = only<place_part>(pass(state, request, {0.1f, 0.1f, 0.01f, 0.01f}, now));
  REQUIRE(placed.size() == 2);
  for (const place_part& each : placed) state.part_up(each.part, each.host, 1);
  CHECK(state.hosts().parts_of(1).size() == 4);
  placed = only<place_part>(state.host_up());
  REQUIRE(placed.size() == 2);
  for (const place_part& each : placed) CHECK(each.host == 3);
}

TEST_CASE("a slow replica gets fewer rows of the next batches, also when its shares were given away as late") {
  for (const bool late : {false, true}) {
    coordinator_state state(followed(layout_of(parallel_mode::data, 2, 1)), 2);
    bring_up(state);
    time_point now = start_time;
    std::int64_t slow_rows = 30;
    for (std::uint64_t request = 1; request < 30; ++request) {
      std::int64_t rows[2] = {0, 0};
      for (const auto& sent : only<send_step>(state.submit(request, batch(60), far, now)))
        rows[sent.replica] += sent.inputs[0].dims()[0];
      CHECK(rows[0] + rows[1] == 60);
      CHECK(rows[1] <= slow_rows);
      slow_rows = rows[1];
      const auto seconds = [](std::int64_t count, double row_s) { return static_cast<float>(row_s * count); };
      now += std::chrono::seconds(1);
      state.timed(request, 1, 0, {seconds(rows[0], 0.01)}, now);
      state.micro_joined(request, 0, now);
      if (late) {
        now += std::chrono::seconds(5);
        state.late_due(request, now);
      } else {
        state.timed(request, 1, 1, {seconds(rows[1], 0.05)}, now);
      }
      CHECK(only<answer>(state.joined(request, 0, batch(60))).size() == 1);
    }
    CHECK(slow_rows >= 1);
    CHECK(slow_rows <= 12);
    if (!late) CHECK(slow_rows == 10);
  }
}

TEST_CASE("where the planner placed parts, a host that comes is asked what it reaches first") {
  plan planned = *followed(layout_of(parallel_mode::pipeline, 1, 2));
  auto basis = *planned.basis;
  basis.surveyed = true;
  planned.basis = std::make_shared<const plan_basis>(basis);
  coordinator_state state(std::make_shared<const plan>(planned), 1);
  bring_up(state);
  CHECK(state.wants_abilities());
  CHECK(only<place_part>(state.host_up()).empty());
  CHECK(only<place_part>(state.host_known(2, std::nullopt)).size() == 1);  // it cannot be asked: as if nobody planned
}

TEST_CASE("random joins, leaves and losses: every request is answered once and nothing is left behind") {
  for (std::uint64_t seed = 4711; seed < 4711 + 3000; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    const bool data = random.below(3) == 0;
    const bool stateful = !data && random.below(2) == 0;
    const bool faults = random.below(3) > 0;
    auto layout = layout_of(data ? parallel_mode::data : parallel_mode::pipeline, data ? 4 : 1, data ? 1 : 4, stateful);
    if (random.below(2) == 0) layout = followed(layout);
    cluster world(layout, static_cast<std::uint32_t>(random.below(4)));
    for (int event = 0; event < 80; ++event) {
      switch (random.below(10)) {
        case 0:
        case 1: world.submit(1 + static_cast<std::int64_t>(random.below(6))); break;
        case 2:
        case 3:
        case 4: world.load_one(random); break;
        case 5:
          if (faults) world.crash_one(random);
          break;
        case 6: world.join_host(); break;
        case 7:
          if (random.below(2) == 0) world.retire_host(random);
          break;
        case 8:
          if (faults && random.below(2) == 0) world.lose_host(random);
          break;
        default: world.finish_one(random);
      }
    }
    world.settle(random);
    world.check_settled();
    if (!stateful) CHECK(world.failed() == 0);
  }
}
