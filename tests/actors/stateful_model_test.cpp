// Models that keep something from run to run, over supervised shards: the bits of one program as long as nothing is
// lost, `state_lost` when something is, and the same bits again after the caller has replayed its rows.
#include <array>
#include <atomic>
#include <thread>

#include "support/cached_session.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t layers = 3;

system_options fragile() {
  system_options made;
  made.allow_fault_injection = true;
  made.restarts = {1000, 20ms};  // a short window: many losses in a row must not slow restarts down
  return made;
}

tensor rows_of(const tensor& all, std::int64_t first, std::int64_t count) {
  return need(all.rows(first, count));
}

}  // namespace

TEST_CASE("a model with caches over one, two and three shards gives the bits of one program") {
  auto host = need(troupe::system::make(fragile()));
  const tensor want_a = cached_network::undisturbed(layers, 0, 30), want_b = cached_network::undisturbed(layers, 1, 30);
  for (const std::size_t shards : {1, 2, 3}) {
    INFO(shards << " shards");
    const model loaded = need(host.load(cached_network::make(layers), {.shards = shards}));
    cached_session a(loaded, 0), b(loaded, 1);
    CHECK(bitwise_equal(a.next(20), rows_of(want_a, 0, 20)));
    CHECK(bitwise_equal(b.next(3), rows_of(want_b, 0, 3)));
    for (std::int64_t position = 20; position < 30; ++position) {
      CHECK(bitwise_equal(a.next(1), rows_of(want_a, position, 1)));
      CHECK(bitwise_equal(b.next(2), rows_of(want_b, 3 + 2 * (position - 20), 2)));
    }
    CHECK(a.losses() + b.losses() == 0);
    CHECK(a.epoch() == b.epoch());
  }
}

TEST_CASE("a part killed between two steps is told as a lost state, and replayed rows have the same bits") {
  auto host = need(troupe::system::make(fragile()));
  const tensor want = cached_network::undisturbed(layers, 0, 90);
  for (const std::size_t shards : {1, 2, 3}) {
    const model loaded = need(host.load(cached_network::make(layers), {.shards = shards}));
    cached_session session(loaded, 0);
    session.next(5);
    for (std::uint32_t part = 0; part < shards; ++part) {
      INFO(shards << " shards, part " << part << " lost");
      const std::uint64_t before = session.epoch();
      need(host.kill_part(loaded, part));
      session.run_until_lost(want);
      // Asking again for what is gone never succeeds.
      const auto again = session.try_next(1);
      REQUIRE_FALSE(again);
      CHECK(again.error().code() == errc::state_lost);
      const std::int64_t done = session.done();
      CHECK(bitwise_equal(session.replay(done), rows_of(want, 0, done)));
      CHECK(session.epoch() > before);
      CHECK(bitwise_equal(session.next(2), rows_of(want, done, 2)));
    }
  }
}

TEST_CASE("runs in flight when a part is killed are right or told that the state is lost") {
  auto host = need(troupe::system::make(fragile()));
  const tensor want = cached_network::undisturbed(layers, 0, 64);
  const model loaded = need(host.load(cached_network::make(layers), {.shards = 2}));
  struct tally {
    std::atomic<int> answered{0}, right{0}, lost{0};
  };
  int lost_in_flight = 0;
  for (int round = 0; round < 10; ++round) {
    cached_session session(loaded, 0);
    session.next(48);
    const auto seen = std::make_shared<tally>();  // outlives this function should an answer come late
    // The same rows again and again: what they write is what is there.
    run_options how{.deadline = 30s};
    how.state_epoch = session.epoch();
    constexpr int runs = 40;
    for (int run = 0; run < runs; ++run) {
      if (run == runs / 2) need(host.kill_part(loaded, static_cast<std::uint32_t>(round % 2)));
      loaded.submit(cached_network::inputs(0, 16, 48), how, [seen, want](result<run_result> answer) {
        if (answer) seen->right += bitwise_equal(answer->outputs.at(0), need(want.rows(16, 48)));
        if (!answer) seen->lost += answer.error().code() == errc::state_lost;
        ++seen->answered;
      });
    }
    for (int wait = 0; wait < 3000 && seen->answered < runs; ++wait) std::this_thread::sleep_for(10ms);
    CHECK(seen->answered == runs);
    CHECK(seen->right + seen->lost == runs);
    CHECK(seen->lost > 0);
    lost_in_flight += seen->lost > runs / 2;  // more than those that were submitted after the kill
  }
  WARN(lost_in_flight << " of 10 kills met runs that were submitted before");
  CHECK(lost_in_flight > 0);
}

TEST_CASE("a hundred parts killed at random moments cost replays and not one bit") {
  auto host = need(troupe::system::make(fragile()));
  const std::uint64_t seed = 20261121;
  random_source random(seed);
  const tensor want[] = {cached_network::undisturbed(layers, 0, 40), cached_network::undisturbed(layers, 1, 40)};
  int kills = 0, losses = 0;
  for (const std::uint32_t shards : {1, 2, 3}) {
    const model loaded = need(host.load(cached_network::make(layers), {.shards = shards}));
    while (kills < static_cast<int>(34 * shards) && kills < 100) {
      INFO("seed " << seed << ", kill " << kills << ", " << shards << " shards");
      std::atomic<bool> over{false};
      std::atomic<int> killed{0};
      std::thread killer([&, pauses = random_source(random.next())]() mutable {
        while (!over) {
          std::this_thread::sleep_for(std::chrono::microseconds(pauses.below(40'000)));
          // Refused while the part is being restarted, which is fine.
          if (host.kill_part(loaded, static_cast<std::uint32_t>(pauses.below(shards)))) ++killed;
          std::this_thread::sleep_for(30ms);
        }
      });
      bool same = true;
      std::array<cached_session, 2> sessions{cached_session(loaded, 0), cached_session(loaded, 1)};
      try {
        while (sessions[0].done() < 40 || sessions[1].done() < 40) {
          const std::size_t which = sessions[0].done() >= 40 ? 1 : sessions[1].done() >= 40 ? 0 : random.below(2);
          const std::int64_t first = sessions[which].done();
          const std::int64_t count = std::min<std::int64_t>(1 + static_cast<std::int64_t>(random.below(5)), 40 - first);
          same = same && bitwise_equal(sessions[which].next(count), rows_of(want[which], first, count));
        }
      } catch (...) {  // a failed check: the thread must not outlive what it uses
        over = true;
        killer.join();
        throw;
      }
      over = true;
      killer.join();
      CHECK(same);
      kills += killed;
      losses += sessions[0].losses() + sessions[1].losses();
    }
  }
  WARN(kills << " parts killed, " << losses << " losses of state told");
  CHECK(kills >= 100);
  CHECK(losses > 0);
}

TEST_CASE("a model with states is not spread over replicas") {
  auto host = need(troupe::system::make(fragile()));
  load_options how;
  how.parallel = parallel_mode::data;
  how.shards = 2;
  const auto loaded = host.load(cached_network::make(1), how);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code() == errc::invalid_argument);
  CHECK(loaded.error().to_string().find("2 states") != std::string::npos);
  const std::vector<graph> twins{cached_network::make(1), cached_network::make(1)};
  const auto joined = host.load_ensemble(twins);
  REQUIRE_FALSE(joined);
  CHECK(joined.error().code() == errc::invalid_argument);
}
