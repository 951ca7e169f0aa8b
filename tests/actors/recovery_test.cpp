// The actors that hold the state of requests are killed while requests are under way: each request is still answered
// once, with the bits of the undisturbed run.
#include <atomic>
#include <thread>

#include "host_side.hpp"
#include "support/cached_network.hpp"
#include "support/digits.hpp"
#include "system_core.hpp"
#include "troupe/actors/messages.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<system_core> make_core() {
  auto core = std::make_shared<system_core>();
  core->operators = std::make_shared<const operator_table>(builtin_operators());
  core->options.restarts = {100, 20ms};
  core->device = need(open_device("", core->operators))->info();
  need(core->start());
  return core;
}

/// The running actor at the end of a path below the root.
caf::actor find(system_core& core, std::vector<std::string> path) {
  caf::actor found = core.root;
  for (const std::string& id : path) found = need(ask_from_host<caf::actor>(*core.actors, found, 2s, whereis{id}));
  return found;
}

struct answers {
  std::atomic<int> count{0}, right{0};
  void wait_for(int expected) const {
    for (int wait = 0; wait < 3000 && count < expected; ++wait) std::this_thread::sleep_for(10ms);
  }
};

void kill_while_running(const char* whom) {
  const auto core = make_core();
  const std::vector<graph> networks{digits_network()};
  const auto loaded = need(core->load(networks, {.shards = 2}, 1));
  const std::vector<tensor> batch{digits_batch(16)};
  const auto submit = [&](model_core::callback done) {
    const host_scope scope;
    loaded->core->submit(batch, steady_clock::now() + 60s, 0, std::move(done));
  };
  awaited<result<run_result>> first;
  submit(first.setter());
  const tensor want = need(*first.wait_until(steady_clock::now() + 60s)).outputs[0];

  // Outlives this function should an answer come late.
  const auto seen = std::make_shared<answers>();
  const auto count_answer = [seen, want](result<run_result> answer) {
    seen->right += answer && bitwise_equal(answer->outputs[0], want);
    ++seen->count;
  };
  int sent = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 8; ++i, ++sent) submit(count_answer);
    {
      const host_scope scope;
      caf::anon_send_exit(find(*core, {"model 1", whom}), caf::exit_reason::kill);
    }
    for (int i = 0; i < 4; ++i, ++sent) submit(count_answer);
    seen->wait_for(sent);
    CHECK(seen->count == sent);
    CHECK(seen->right == sent);
  }
}

}  // namespace

TEST_CASE("a killed coordinator is replaced, and every request is answered by its successor") {
  kill_while_running("coordinator");
}

TEST_CASE("a killed aggregator is replaced, and the work it had collected is done again") {
  kill_while_running("aggregator");
}

TEST_CASE("a killed node actor is replaced, and parts are loaded again") {
  const auto core = make_core();
  const std::vector<graph> networks{digits_network()};
  const std::vector<tensor> batch{digits_batch(4)};
  const auto run = [&](const std::shared_ptr<model_version>& on) {
    const host_scope scope;
    awaited<result<run_result>> answer;
    on->core->submit(batch, steady_clock::now() + 20s, 0, answer.setter());
    auto arrived = answer.wait_until(steady_clock::now() + 25s);
    REQUIRE(arrived.has_value());
    return std::move(*arrived);
  };
  const auto before = need(core->load(networks, {.shards = 2}, 1));
  const tensor want = need(run(before)).outputs[0];
  {
    const host_scope scope;
    caf::anon_send_exit(find(*core, {"node"}), caf::exit_reason::kill);
  }
  CHECK(bitwise_equal(need(run(before)).outputs[0], want));
  const auto after = need(core->load(networks, {.shards = 2}, 1));
  CHECK(bitwise_equal(need(run(after)).outputs[0], want));
}

TEST_CASE("a killed coordinator takes the states of a model with it, a killed aggregator does not") {
  const auto core = make_core();
  const std::vector<graph> networks{cached_network::make(2)};
  const tensor want = cached_network::undisturbed(2, 0, 12);
  const auto loaded = need(core->load(networks, {.shards = 2}, 1));
  const auto submit = [&](std::int64_t first, std::int64_t count, std::uint64_t epoch) {
    const host_scope scope;
    const auto answer = std::make_shared<awaited<result<run_result>>>();
    loaded->core->submit(cached_network::inputs(0, first, count), steady_clock::now() + 30s, epoch, answer->setter());
    return answer;
  };
  const auto run = [&](std::int64_t first, std::int64_t count, std::uint64_t epoch) {
    auto arrived = submit(first, count, epoch)->wait_until(steady_clock::now() + 40s);
    REQUIRE(arrived.has_value());
    return std::move(*arrived);
  };
  const auto kill = [&](const caf::actor& whom) {
    const host_scope scope;
    caf::anon_send_exit(whom, caf::exit_reason::kill);
  };
  const auto first = need(run(0, 6, 0));
  CHECK(bitwise_equal(first.outputs[0], need(want.rows(0, 6))));

  kill(find(*core, {"model 1", "aggregator"}));
  const auto second = need(run(6, 3, first.state_epoch));
  CHECK(second.state_epoch == first.state_epoch);
  CHECK(bitwise_equal(second.outputs[0], need(want.rows(6, 3))));

  const caf::actor coordinator = find(*core, {"model 1", "coordinator"});
  std::vector<std::shared_ptr<awaited<result<run_result>>>> in_flight;
  for (int i = 0; i < 100; ++i) in_flight.push_back(submit(6, 3, i % 2 == 0 ? first.state_epoch : 0));
  kill(coordinator);
  int lost = 0;
  for (const auto& each : in_flight) {
    const auto answer = each->wait_until(steady_clock::now() + 40s);
    REQUIRE(answer.has_value());
    if (*answer) {
      CHECK((*answer)->state_epoch == first.state_epoch);
      CHECK(bitwise_equal((*answer)->outputs[0], second.outputs[0]));
    } else {
      CHECK(answer->error().code() == errc::state_lost);
      ++lost;
    }
  }
  CHECK(lost > 0);
  std::optional<result<run_result>> after;
  for (int attempt = 0; attempt < 50 && (!after || *after); ++attempt) after = run(9, 1, first.state_epoch);
  REQUIRE_FALSE(*after);
  CHECK(after->error().code() == errc::state_lost);
  const auto replayed = need(run(0, 12, 0));
  CHECK(replayed.state_epoch > first.state_epoch);
  CHECK(bitwise_equal(replayed.outputs[0], want));
}
