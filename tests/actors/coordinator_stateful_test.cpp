// What the coordinator decides for a model that keeps something from run to run: nothing is computed with a state that
// was lost, and whoever relied on it is told so once.
#include <algorithm>
#include <set>

#include "support/coordinator_case.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::coordinator_action;

namespace {

std::vector<tensor> rows() {
  return {random_tensor({2, 3}, 5)};
}

/// Two stages on this process, both up.
coordinator_state running(std::uint64_t first_epoch = 1, std::uint32_t remote_hosts = 0) {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2, true), remote_hosts, first_epoch);
  for (const auto& placed : only<place_part>(state.start())) state.part_up(placed.part, placed.host, 1);
  return state;
}

void check_lost(const coordinator_actions& actions, std::vector<std::uint64_t> requests) {
  std::vector<std::uint64_t> answered;
  for (const auto& said : only<answer>(actions)) {
    answered.push_back(said.request);
    REQUIRE_FALSE(said.outcome);
    CHECK(said.outcome.error().code() == errc::state_lost);
    CHECK_FALSE(said.outcome.error().retryable());
  }
  CHECK(answered == requests);
  CHECK(only<send_step>(actions).empty());
}

std::uint64_t epoch_of(const coordinator_actions& actions) {
  const auto answers = only<answer>(actions);
  REQUIRE(answers.size() == 1);
  return need(answers[0].outcome).state_epoch;
}

}  // namespace

TEST_CASE("a run is told the epoch of the state it was made with, and asks for it the next time") {
  coordinator_state state = running(7);
  CHECK(only<send_step>(state.submit(1, rows(), far, start_time)).size() == 1);
  CHECK(epoch_of(state.joined(1, 0, rows())) == 7);
  CHECK(only<send_step>(state.submit(2, rows(), far, start_time, 7)).size() == 1);
  CHECK(epoch_of(state.joined(2, 0, rows())) == 7);
}

TEST_CASE("a run in flight when a part is lost is answered and not repeated") {
  for (const std::uint64_t epoch : {0, 1}) {
    coordinator_state state = running();
    state.submit(1, rows(), far, start_time, epoch);
    const auto after = state.part_down(1, 0, 1);
    check_lost(after, {1});
    CHECK(only<forget_join>(after).size() == 1);
    CHECK(state.part_up(1, 0, 2).empty());
    CHECK(state.joined(1, 0, rows()).empty());
    CHECK(state.state_epoch() == 2);
  }
}

TEST_CASE("a run between losses that asks for the lost epoch is refused, before the part is back and afterwards") {
  coordinator_state state = running();
  check_lost(state.part_down(0, 0, 1), {});
  check_lost(state.submit(1, rows(), far, start_time, 1), {1});
  state.part_up(0, 0, 2);
  check_lost(state.submit(2, rows(), far, start_time, 1), {2});
  check_lost(state.submit(3, rows(), far, start_time, 99), {3});  // an epoch that never was
  CHECK(only<send_step>(state.submit(4, rows(), far, start_time, 2)).size() == 1);
  CHECK(epoch_of(state.joined(4, 0, rows())) == 2);
}

TEST_CASE("a run that takes any state waits for the lost part, and is made once with the fresh state") {
  coordinator_state state = running();
  state.part_down(0, 0, 1);
  CHECK(only<send_step>(state.submit(1, rows(), far, start_time)).empty());
  CHECK(only<send_step>(state.part_up(0, 0, 2)).size() == 1);
  CHECK(epoch_of(state.joined(1, 0, rows())) == 2);
}

TEST_CASE("a restart announced before the loss is known ends the epoch too") {
  coordinator_state state = running();
  state.submit(1, rows(), far, start_time, 1);
  check_lost(state.part_up(0, 0, 2), {1});
  CHECK(state.part_down(0, 0, 1).empty());
  CHECK(state.state_epoch() == 2);
}

TEST_CASE("losses before all parts are up again end no further epoch") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2, true), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_down(0, 0, 1);
  state.part_up(0, 0, 2);
  CHECK(only<report_ready>(state.part_up(1, 0, 1)).size() == 1);
  CHECK(state.state_epoch() == 1);
  state.part_down(0, 0, 2);
  state.part_down(1, 0, 1);
  state.part_up(0, 0, 3);
  state.part_down(0, 0, 3);
  CHECK(state.state_epoch() == 2);
  state.part_up(0, 0, 4);
  state.part_up(1, 0, 2);
  CHECK(state.state_epoch() == 2);
  state.part_down(1, 0, 2);
  CHECK(state.state_epoch() == 3);
}

TEST_CASE("a lost host and a part that its host gives up take the state with them") {
  coordinator_state state = running(1, 2);
  state.submit(1, rows(), far, start_time, 1);
  const auto moved = state.host_down(1);
  check_lost(moved, {1});
  REQUIRE(only<place_part>(moved).size() == 1);
  state.part_up(1, 0, 1);
  CHECK(only<send_step>(state.submit(2, rows(), far, start_time, 2)).size() == 1);
  check_lost(state.part_failed(0, 0, lost), {2});
  CHECK(state.state_epoch() == 3);
}

TEST_CASE("what fails without a loss is tried again in the same epoch") {
  coordinator_state state = running();
  state.submit(1, rows(), far, start_time, 1);
  CHECK(only<arm_retry>(state.step_failed(1, 1, 0, lost)).size() == 1);
  CHECK(only<send_step>(state.retry_due(1, 0, 1)).size() == 1);
  CHECK(only<send_step>(state.aggregator_replaced()).size() == 1);
  CHECK(epoch_of(state.joined(1, 2, rows())) == 1);
}

TEST_CASE("a run that does not get through is sent again with all behind it, in order, and nothing overtakes it") {
  coordinator_state state = running();
  for (const std::uint64_t id : {1, 2, 3}) state.submit(id, rows(), far, start_time, 1);
  const auto refused = state.step_failed(2, 1, 0, lost);
  CHECK(only<arm_retry>(refused).size() == 1);
  CHECK(only<expect_join>(refused).size() == 2);
  CHECK(only<send_step>(state.submit(4, rows(), far, start_time, 1)).empty());
  CHECK(epoch_of(state.joined(1, 0, rows())) == 1);
  // What came through without the second is not believed.
  CHECK(state.joined(3, 0, rows()).empty());
  CHECK(state.step_failed(3, 1, 0, lost).empty());
  std::vector<std::uint64_t> sent;
  for (const auto& each : only<send_step>(state.retry_due(2, 0, 0))) sent.push_back(each.request);
  CHECK(sent == std::vector<std::uint64_t>{2, 3, 4});
  // The third comes out first: something of the second got lost on the way.
  const auto overtaken = state.joined(3, 2, rows());
  CHECK(only<answer>(overtaken).empty());
  REQUIRE(only<arm_retry>(overtaken).size() == 1);
  CHECK(only<arm_retry>(overtaken)[0].request == 2);
  CHECK(only<send_step>(state.retry_due(2, 0, 0)).size() == 3);
  CHECK(need(only<answer>(state.joined(2, 3, rows())).at(0).outcome).recoveries == 2);
  CHECK(epoch_of(state.joined(3, 3, rows())) == 1);
}

TEST_CASE("a run that is withdrawn is answered once, and does not hold up those behind it") {
  coordinator_state state = running();
  for (const std::uint64_t id : {1, 2, 3}) state.submit(id, rows(), far, start_time, 1);
  state.step_failed(1, 1, 0, lost);
  const auto withdrawn = only<answer>(state.cancel(1));
  REQUIRE(withdrawn.size() == 1);
  CHECK(withdrawn[0].outcome.error().code() == errc::cancelled);
  CHECK(state.cancel(1).empty());
  CHECK(only<send_step>(state.retry_due(1, 0, 0)).size() == 2);
  CHECK(epoch_of(state.joined(2, 2, rows())) == 1);
}

TEST_CASE("a run that pauses before it is tried again is answered when a part is lost meanwhile") {
  coordinator_state state = running();
  state.submit(1, rows(), far, start_time, 1);
  state.step_failed(1, 1, 0, lost);  // the end of the part, as its sender sees it
  check_lost(state.part_down(0, 0, 1), {1});
  CHECK(state.retry_due(1, 0, 1).empty());
}

TEST_CASE("a model without states knows no epoch") {
  plan made;
  made.parts.push_back({0, 0, nullptr});
  coordinator_state state(std::make_shared<const plan>(made), 0);
  state.start();
  state.part_up(0, 0, 1);
  CHECK(only<send_step>(state.submit(1, rows(), far, start_time, 5)).size() == 1);
  CHECK(only<send_step>(state.part_up(0, 0, 2)).size() == 1);
  CHECK(epoch_of(state.joined(1, 0, rows())) == 0);
}

TEST_CASE("random losses: no step meets a state it was not meant for, and every request gets one answer") {
  // A model of the parts' states: each incarnation remembers in which epoch it was first written. A step must find all
  // of its parts either unwritten since the epoch began or written in its own epoch only.
  const std::uint64_t base_seed = 20261121;
  for (std::uint64_t seed = base_seed; seed < base_seed + 2000; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    const auto layout = layout_of(parallel_mode::pipeline, 1, 1 + static_cast<std::uint32_t>(random.below(3)), true);
    const auto remote = static_cast<std::uint32_t>(random.below(3));
    coordinator_state state(layout, remote);
    std::map<std::uint64_t, int> answers;
    std::map<std::uint64_t, std::uint64_t> wanted;                          // request -> epoch it asked for
    std::map<std::uint64_t, std::uint64_t> flights;                         // request -> epoch at its dispatch
    std::map<std::uint32_t, std::uint32_t> placing;                         // part -> host that was asked
    std::map<std::uint32_t, std::pair<std::uint32_t, std::uint64_t>> live;  // part -> host, incarnation
    std::map<std::uint64_t, std::vector<std::uint64_t>> incarnations_of;    // epoch -> those of its parts
    std::map<std::uint64_t, std::uint32_t> attempts;                        // request -> the last one
    std::map<std::uint64_t, std::uint32_t> first_attempts;                  // request -> the first that counts
    std::set<std::uint64_t> pauses;                                         // requests with a retry to come
    std::uint64_t incarnation = 0, next_request = 0, known_epoch = 0;
    const auto perform = [&](const coordinator_actions& actions) {
      for (const auto& placed : only<place_part>(actions)) {
        placing[placed.part] = placed.host;
        live.erase(placed.part);
      }
      for (const auto& sent : only<send_step>(actions)) {
        const std::uint64_t epoch = state.state_epoch();
        std::vector<std::uint64_t> now;
        for (std::uint32_t part = 0; part < layout->stages; ++part) {
          REQUIRE(live.count(part) == 1);
          now.push_back(live[part].second);
        }
        // One epoch, one set of incarnations.
        REQUIRE(incarnations_of.try_emplace(epoch, now).first->second == now);
        REQUIRE((wanted[sent.request] == 0 || wanted[sent.request] == epoch));
        // Never sent again in another epoch.
        REQUIRE(flights.try_emplace(sent.request, epoch).first->second == epoch);
        attempts[sent.request] = sent.attempt;
      }
      for (const auto& expected : only<expect_join>(actions)) first_attempts[expected.request] = expected.first_attempt;
      for (const auto& armed : only<arm_retry>(actions)) pauses.insert(armed.request);
      for (const auto& done : only<answer>(actions)) {
        REQUIRE(++answers[done.request] == 1);
        if (done.outcome) {
          known_epoch = done.outcome->state_epoch;
          REQUIRE(flights[done.request] == known_epoch);
        } else {
          REQUIRE(done.outcome.error().code() == errc::state_lost);
          REQUIRE((wanted[done.request] != 0 || flights.count(done.request) == 1));
        }
        flights.erase(done.request);
      }
    };
    // Only what was sent in the attempts that count comes out.
    const auto join_first = [&] {
      const std::uint64_t request = flights.begin()->first;
      if (attempts[request] >= first_attempts[request]) perform(state.joined(request, first_attempts[request], rows()));
    };
    const auto lose = [&](std::uint32_t part) {
      const auto where = live.at(part);
      live.erase(part);
      placing[part] = where.first;  // its supervisor starts it again there
      return where;
    };
    const auto start_parts = [&] {
      while (!placing.empty()) {
        const auto [part, host] = *placing.begin();
        placing.erase(placing.begin());
        live[part] = {host, ++incarnation};
        perform(state.part_up(part, host, incarnation));
      }
    };
    perform(state.start());
    for (int event = 0; event < 60; ++event) {
      const auto choice = random.below(11);
      if (choice < 3) {
        const std::uint64_t id = ++next_request;
        answers[id] = 0;
        wanted[id] = random.below(3) == 0 ? 0 : known_epoch;
        perform(state.submit(id, rows(), far, start_time, wanted[id]));
      } else if (choice == 3 && !live.empty()) {
        const std::uint32_t part =
            std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(live.size())))->first;
        const auto [host, old] = lose(part);
        if (random.below(2) == 0) {
          perform(state.part_down(part, host, old));
        } else {  // news of the successor overtakes that of the loss
          placing.erase(part);
          live[part] = {host, ++incarnation};
          perform(state.part_up(part, host, incarnation));
          perform(state.part_down(part, host, old));
        }
      } else if (choice == 4 && remote > 0 && random.below(4) == 0) {
        const auto host = static_cast<std::uint32_t>(random.below(remote));
        std::erase_if(live, [&](const auto& each) { return each.second.first == host; });
        std::erase_if(placing, [&](const auto& each) { return each.second == host; });
        perform(state.host_down(host));
      } else if (choice == 5) {
        perform(state.aggregator_replaced());
      } else if (choice == 6) {
        start_parts();
      } else if (choice == 7 && !flights.empty()) {
        const std::uint64_t request = flights.begin()->first;
        if (attempts[request] < coordinator_limits::attempts_max)
          perform(state.step_failed(request, attempts[request], 0, lost));
      } else if (choice == 8 && !pauses.empty()) {
        perform(state.retry_due(pauses.extract(pauses.begin()).value(), 0, 0));
      } else if (!flights.empty()) {
        join_first();
      }
    }
    start_parts();
    while (!pauses.empty()) perform(state.retry_due(pauses.extract(pauses.begin()).value(), 0, 0));
    while (!flights.empty()) join_first();
    for (const auto& [request, count] : answers) {
      INFO("request " << request);
      REQUIRE(count == 1);
    }
    REQUIRE(state.requests() == 0);
  }
}
