// The decisions of the coordinator without actors: losses at every moment, and the one answer to each request.

#include <algorithm>

#include "support/coordinator_case.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::coordinator_action;

TEST_CASE("a request waits until every part of a replica is up") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 0);
  CHECK(only<place_part>(state.start()).size() == 2);
  CHECK(only<send_step>(state.submit(1, batch(4), far, start_time)).empty());
  CHECK(only<send_step>(state.part_up(0, 0, 1)).empty());
  const auto up = state.part_up(1, 0, 1);
  CHECK(only<report_ready>(up).size() == 1);
  REQUIRE(only<send_step>(up).size() == 1);
  CHECK(only<send_step>(up)[0].attempt == 1);
}

TEST_CASE("a part lost in mid-flight sends its work again when it is back, once") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_up(1, 0, 1);
  CHECK(only<send_step>(state.submit(1, batch(4), far, start_time)).size() == 1);
  CHECK(only<send_step>(state.part_down(1, 0, 1)).empty());
  const auto again = only<send_step>(state.part_up(1, 0, 2));
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 2);
  const auto done = only<answer>(state.joined(1, 0, batch(4)));
  REQUIRE(done.size() == 1);
  REQUIRE(done[0].outcome.has_value());
  CHECK(done[0].outcome->recoveries == 1);
  CHECK(state.joined(1, 0, batch(4)).empty());
}

TEST_CASE("a restart announced before the loss is known counts as a loss") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.submit(1, batch(4), far, start_time);
  const auto again = only<send_step>(state.part_up(0, 0, 2));
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 2);
  CHECK(state.part_down(0, 0, 1).empty());  // the late news changes nothing
}

TEST_CASE("data parallel work of a lost replica goes to another at once") {
  coordinator_state state(layout_of(parallel_mode::data, 2, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_up(1, 0, 1);
  const auto sent = only<send_step>(state.submit(1, batch(5), far, start_time));
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].inputs[0].dims() == shape{3, 3});
  CHECK(sent[1].inputs[0].dims() == shape{2, 3});
  const auto again = only<send_step>(state.part_down(1, 0, 1));
  REQUIRE(again.size() == 1);
  CHECK(again[0].replica == 0);
  CHECK(bitwise_equal(again[0].inputs[0], sent[1].inputs[0]));
}

TEST_CASE("a lost host's parts are placed on another, and on this process when none is left") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 2), 2);
  const auto placed = only<place_part>(state.start());
  REQUIRE(placed.size() == 2);
  CHECK(placed[0].host == 0);
  CHECK(placed[1].host == 1);
  state.part_up(0, 0, 1);
  state.part_up(1, 1, 1);
  const auto moved = only<place_part>(state.host_down(1));
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].part == 1);
  CHECK(moved[0].host == 0);
  const auto home = only<place_part>(state.host_down(0));
  REQUIRE(home.size() == 2);
  CHECK(home[0].host == 2);
  CHECK(home[1].host == 2);
  CHECK(state.part_up(1, 1, 7).empty());  // news from the host that was given up
}

TEST_CASE("a part that every host gives up fails the plan and every request with one error each") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 1);
  state.start();
  state.submit(1, batch(1), far, start_time);
  state.submit(2, batch(1), far, start_time);
  CHECK(only<place_part>(state.part_failed(0, 0, lost)).size() == 1);
  const auto failed = state.part_failed(0, 1, error(errc::device_lost, "the device is gone"));
  CHECK(only<answer>(failed).size() == 2);
  CHECK(only<report_ready>(failed).size() == 1);
  const auto refused = only<answer>(state.submit(3, batch(1), far, start_time));
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].outcome.error().code() == errc::device_lost);
}

TEST_CASE("a part that no host can ever load fails the plan at once") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 1);
  state.start();
  const auto failed = state.part_failed(0, 0, error(errc::invalid_argument, "bad"));
  CHECK(only<place_part>(failed).empty());
  REQUIRE(only<report_ready>(failed).size() == 1);
  CHECK_FALSE(only<report_ready>(failed)[0].outcome.has_value());
}

TEST_CASE("the deadline answers once, and late results are ignored") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  const time_point soon = start_time + std::chrono::seconds(1);
  state.submit(1, batch(1), soon, start_time);
  CHECK(state.deadline_passed(1, start_time).empty());
  const auto over = only<answer>(state.deadline_passed(1, soon));
  REQUIRE(over.size() == 1);
  CHECK(over[0].outcome.error().code() == errc::deadline_exceeded);
  CHECK(state.joined(1, 0, batch(1)).empty());
  CHECK(state.deadline_passed(1, soon).empty());
}

TEST_CASE("a refused step is tried again after a pause, a wrong input is not") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.submit(1, batch(1), far, start_time);
  CHECK(only<arm_retry>(state.step_failed(1, 1, 0, lost)).size() == 1);
  CHECK(only<send_step>(state.retry_due(1, 0, 1)).size() == 1);
  CHECK(state.retry_due(1, 0, 1).empty());
  CHECK(state.step_failed(1, 1, 0, lost).empty());  // the first attempt speaks again
  const auto failed = only<answer>(state.step_failed(1, 2, 0, error(errc::invalid_argument, "bad shape")));
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].outcome.error().code() == errc::invalid_argument);
}

TEST_CASE("a replaced aggregator is told what to expect and all work is sent again") {
  coordinator_state state(layout_of(parallel_mode::data, 2, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_up(1, 0, 1);
  state.submit(1, batch(4), far, start_time);
  const auto again = state.aggregator_replaced();
  CHECK(only<expect_join>(again).size() == 1);
  CHECK(only<send_step>(again).size() == 2);
}

TEST_CASE("more requests than the limit are refused, not queued") {
  coordinator_state state(layout_of(parallel_mode::pipeline, 1, 1), 0);
  state.start();
  for (std::uint64_t id = 0; id < coordinator_limits::requests_max; ++id)
    REQUIRE(only<answer>(state.submit(id, batch(1), far, start_time)).empty());
  const auto refused = only<answer>(state.submit(999999, batch(1), far, start_time));
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].outcome.error().code() == errc::unavailable);
}

TEST_CASE("random losses: every request gets exactly one answer and no dead part is sent work") {
  const std::uint64_t base_seed = 20240607;
  for (std::uint64_t seed = base_seed; seed < base_seed + 2000; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    const bool data = random.below(2) == 0;
    const auto layout = layout_of(data ? parallel_mode::data : parallel_mode::pipeline, data ? 3 : 1, data ? 1 : 3);
    const std::uint32_t remote = static_cast<std::uint32_t>(random.below(3));
    coordinator_state state(layout, remote);
    std::map<std::uint64_t, int> answers;
    std::map<std::uint32_t, std::uint32_t> placing;                         // part -> host that was asked
    std::map<std::uint32_t, std::pair<std::uint32_t, std::uint64_t>> live;  // part -> host, incarnation
    struct flight {
      std::uint64_t request;
      std::uint32_t attempt, micro;
    };
    std::vector<flight> flights;
    std::map<std::uint64_t, std::map<std::uint32_t, bool>> expected;
    std::uint64_t incarnation = 0, next_request = 0;
    std::vector<coordinator_actions> pending;
    const auto perform = [&](coordinator_actions actions) {
      for (const auto& placed : only<place_part>(actions)) {
        placing[placed.part] = placed.host;
        live.erase(placed.part);
      }
      for (const auto& sent : only<send_step>(actions)) {
        for (std::uint32_t stage = 0; stage < layout->stages; ++stage)
          REQUIRE(live.count(layout->part_of(sent.replica, stage)) == 1);
        flights.push_back({sent.request, sent.attempt, sent.micro});
      }
      for (const auto& join : only<expect_join>(actions)) {
        expected[join.request].clear();
        for (std::uint32_t micro = 0; micro < join.micros; ++micro) expected[join.request][micro] = false;
      }
      for (const auto& done : only<answer>(actions)) REQUIRE(++answers[done.request] == 1);
    };
    const auto finish_flight = [&](std::size_t index) {
      const flight arrived = flights[index];
      flights.erase(flights.begin() + static_cast<std::ptrdiff_t>(index));
      auto found = expected.find(arrived.request);
      if (found == expected.end()) return;
      found->second[arrived.micro] = true;
      for (const auto& [micro, there] : found->second)
        if (!there) return;
      expected.erase(found);
      perform(state.joined(arrived.request, 0, batch(1)));
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
      const auto choice = random.below(8);
      if (choice < 2) {
        ++next_request;
        answers[next_request] = 0;
        perform(state.submit(next_request, batch(1 + static_cast<std::int64_t>(random.below(5))), far, start_time));
      } else if (choice == 2 && !live.empty()) {
        auto victim = std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(live.size())));
        const auto [part, where] = *victim;
        live.erase(victim);
        placing[part] = where.first;  // its supervisor starts it again there
        perform(state.part_down(part, where.first, where.second));
      } else if (choice == 3 && remote > 0 && random.below(4) == 0) {
        const auto host = static_cast<std::uint32_t>(random.below(remote));
        for (auto each = live.begin(); each != live.end();)
          each = each->second.first == host ? live.erase(each) : std::next(each);
        for (auto each = placing.begin(); each != placing.end();)
          each = each->second == host ? placing.erase(each) : std::next(each);
        perform(state.host_down(host));
      } else if (choice == 4) {
        perform(state.aggregator_replaced());
      } else if (choice == 5) {
        start_parts();
      } else if (!flights.empty()) {
        finish_flight(random.below(flights.size()));
      }
    }
    // Calm: everything comes back and every flight arrives.
    start_parts();
    for (int round = 0; round < 1000 && !flights.empty(); ++round) finish_flight(0);
    for (const auto& [request, count] : answers) {
      INFO("request " << request);
      REQUIRE(count == 1);
    }
    REQUIRE(state.requests() == 0);
  }
}

TEST_CASE("a late share of a batch is given to the quickest replica as well, once") {
  using std::chrono::milliseconds;
  coordinator_state state(layout_of(parallel_mode::data, 3, 1), 0);
  state.start();
  for (std::uint32_t part = 0; part < 3; ++part) state.part_up(part, 0, 1);
  const auto sent = only<send_step>(state.submit(1, batch(9), far, start_time));
  REQUIRE(sent.size() == 3);
  CHECK(only<arm_late>(state.micro_joined(1, 0, start_time + milliseconds(100))).empty());  // nothing to compare with
  const auto armed = only<arm_late>(state.micro_joined(1, 1, start_time + milliseconds(80)));
  REQUIRE(armed.size() == 1);
  CHECK(armed[0].pause >= milliseconds(3 * 80 - 80));
  CHECK(armed[0].pause <= milliseconds(3 * 100 - 80));
  const auto early = state.late_due(1, start_time + milliseconds(150));
  CHECK(only<send_step>(early).empty());
  CHECK(only<arm_late>(early).size() == 1);
  const auto again = only<send_step>(state.late_due(1, start_time + milliseconds(301)));
  REQUIRE(again.size() == 1);
  CHECK(again[0].micro == 2);
  CHECK(again[0].attempt == 2);
  CHECK(again[0].replica == 1);
  CHECK(bitwise_equal(again[0].inputs[0], sent[2].inputs[0]));
  CHECK(state.late_due(1, start_time + milliseconds(900)).empty());
  // The late replica's failure is old news, and what is done already is not sent again after a loss.
  CHECK(state.step_failed(1, 1, 2, lost).empty());
  CHECK(only<send_step>(state.part_down(0, 0, 1)).empty());
  const auto done = only<answer>(state.joined(1, 0, batch(9)));
  REQUIRE(done.size() == 1);
  CHECK(done[0].outcome->recoveries == 0);
}

TEST_CASE("the loss of the replica that stands in for a late one sends its share again") {
  using std::chrono::milliseconds;
  coordinator_state state(layout_of(parallel_mode::data, 2, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_up(1, 0, 1);
  state.submit(1, batch(4), far, start_time);
  CHECK(only<arm_late>(state.micro_joined(1, 0, start_time + milliseconds(1))).size() == 1);
  CHECK(only<send_step>(state.late_due(1, start_time + milliseconds(60))).size() == 1);
  const auto again = only<send_step>(state.part_down(0, 0, 1));
  REQUIRE(again.size() == 1);
  CHECK(again[0].replica == 1);
  CHECK(again[0].attempt == 3);
}

TEST_CASE("a new aggregator gets every share again, those that were there too") {
  using std::chrono::milliseconds;
  coordinator_state state(layout_of(parallel_mode::data, 2, 1), 0);
  state.start();
  state.part_up(0, 0, 1);
  state.part_up(1, 0, 1);
  state.submit(1, batch(4), far, start_time);
  state.micro_joined(1, 0, start_time + milliseconds(1));
  CHECK(only<send_step>(state.aggregator_replaced()).size() == 2);
}
