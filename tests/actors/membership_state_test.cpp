// Which nodes belong to a system, and when they are tried again.
#include "membership_state.hpp"

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {
const time_point start{};
const error gone(errc::unavailable, "gone");
}  // namespace

TEST_CASE("a lost node is tried again, with pauses that grow up to a bound") {
  membership_state state(1);
  const auto node = need(state.add("127.0.0.1:7000"));
  CHECK(state.joined(node, start));
  duration before{};
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto pause = state.failed(node, gone, start + 1s);
    REQUIRE(pause);
    CHECK(*pause >= membership_limits::retry_min / 2);
    CHECK(*pause <= membership_limits::retry_max);
    if (attempt == 5) CHECK(*pause > before);
    if (attempt == 0) before = *pause;
    CHECK(state.due(node));
    CHECK_FALSE(state.due(node));  // it is being tried
  }
}

TEST_CASE("a node that was there for long is tried again at once, one that comes and goes is not") {
  membership_state state(1);
  const auto node = need(state.add("127.0.0.1:7000"));
  time_point now = start;
  for (int round = 0; round < 10; ++round) {
    state.joined(node, now);
    now += 1s;
    CHECK(state.failed(node, gone, now));
    state.due(node);
  }
  state.joined(node, now);
  CHECK(*state.failed(node, gone, now + 1s) > 2s);
  state.due(node);
  state.joined(node, now);
  CHECK(*state.failed(node, gone, now + 60s) <= membership_limits::retry_min);
}

TEST_CASE("a removed node is forgotten, and its number belongs to nobody else") {
  membership_state state(1);
  const auto first = need(state.add("a:1"));
  CHECK_FALSE(state.add("a:1"));
  state.remove(first);
  CHECK_FALSE(state.joined(first, start));
  CHECK_FALSE(state.failed(first, gone, start));
  CHECK_FALSE(state.due(first));
  CHECK(need(state.add("a:1")) != first);
}

TEST_CASE("a system has no more members than the limit") {
  membership_state state(1);
  for (std::size_t i = 0; i < membership_limits::members_max; ++i) need(state.add(std::to_string(i)));
  const auto refused = state.add("one more");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
}

TEST_CASE("pauses differ from seed to seed and are the same for one seed") {
  const auto pauses = [](std::uint64_t seed) {
    membership_state state(seed);
    const auto node = need(state.add("a:1"));
    std::vector<duration> all;
    for (int i = 0; i < 8; ++i) {
      all.push_back(*state.failed(node, gone, start));
      state.due(node);
    }
    return all;
  };
  CHECK(pauses(7) == pauses(7));
  CHECK(pauses(7) != pauses(8));
}
