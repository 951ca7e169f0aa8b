#include "live_shares.hpp"

#include "coordinator_state.hpp"
#include "support/digits.hpp"
#include "troupe/engine/operators.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Batches of 70 rows on replicas that take these times a row; returns how often the shares changed.
std::size_t run_batches(live_shares& live, const std::vector<double>& row_s, std::size_t batches, time_point& now) {
  std::size_t changes = 0;
  for (std::size_t i = 0; i < batches; ++i, now += std::chrono::milliseconds(500)) {
    const auto before = live.shares();
    for (std::uint32_t k = 0; k < row_s.size(); ++k) {
      const auto rows = static_cast<std::int64_t>(70 * before[k]);
      live.timed(k, rows, static_cast<double>(rows) * row_s[k], now);
    }
    changes += live.shares() != before;
  }
  return changes;
}

}  // namespace

TEST_CASE("a batch is shared as fast as replicas turn out to be, and once is enough") {
  live_shares live({1.0 / 3, 1.0 / 3, 1.0 / 3}, {0, 0, 0});
  time_point now{};
  CHECK(run_batches(live, {0.01, 0.02, 0.04}, 7, now) == 0);  // nothing is known yet
  CHECK(run_batches(live, {0.01, 0.02, 0.04}, 100, now) == 1);
  CHECK(live.shares()[0] == Approx(4.0 / 7));
  CHECK(live.shares()[1] == Approx(2.0 / 7));
  CHECK(live.shares()[2] == Approx(1.0 / 7));
  // One that becomes slow gets less, one that recovers gets more again.
  CHECK(run_batches(live, {0.04, 0.02, 0.04}, 100, now) == 1);
  CHECK(live.shares()[0] == Approx(0.25));
  CHECK(run_batches(live, {0.01, 0.02, 0.04}, 100, now) == 1);
  CHECK(live.shares()[0] == Approx(4.0 / 7));
}

TEST_CASE("a very slow replica keeps a few rows, by which its recovery is noticed") {
  live_shares live({0.5, 0.5}, {0, 0});
  time_point now{};
  CHECK(run_batches(live, {0.01, 5}, 100, now) == 1);
  CHECK(live.shares()[1] == Approx(1.0 / 33).epsilon(0.01));
  CHECK(run_batches(live, {0.01, 0.01}, 100, now) == 1);
  CHECK(live.shares()[1] == Approx(0.5));
}

TEST_CASE("also of small batches a very slow replica gets a row now and then") {
  plan layout;
  layout.mode = parallel_mode::data;
  layout.replicas = 2;
  layout.split = split_policy::measured;
  live_shares live = shares_of(layout);
  time_point now{};
  std::uint64_t request = 0;
  const auto run = [&](double slow_row_s, int batches) {
    for (int i = 0; i < batches; ++i, now += std::chrono::milliseconds(500)) {
      const auto rows = split_rows(layout, 8, ++request, live.shares());
      REQUIRE(rows[0] + rows[1] == 8);
      live.timed(0, rows[0], static_cast<double>(rows[0]) * 0.01, now);
      live.timed(1, rows[1], static_cast<double>(rows[1]) * slow_row_s, now);
    }
  };
  run(5, 100);
  CHECK(split_rows(layout, 8, 1, live.shares()) == std::vector<std::int64_t>{8, 0});
  CHECK(split_rows(layout, 8, 8, live.shares()) == std::vector<std::int64_t>{7, 1});
  CHECK(split_rows(layout, 1, 8, live.shares()) == std::vector<std::int64_t>{1, 0});
  run(0.01, 200);
  CHECK(split_rows(layout, 8, 1, live.shares()) == std::vector<std::int64_t>{4, 4});
}

TEST_CASE("shares stay where a change would gain little, and links count") {
  live_shares live({0.5, 0.5}, {0, 0});
  time_point now{};
  CHECK(run_batches(live, {0.010, 0.012}, 100, now) == 0);
  live_shares far({0.5, 0.5}, {0, 0.03});
  CHECK(run_batches(far, {0.01, 0.01}, 100, now) == 1);
  CHECK(far.shares()[0] == Approx(0.8));
}

TEST_CASE("what was known of a replica ends when it moves") {
  live_shares live({0.5, 0.5}, {0, 0});
  time_point now{};
  CHECK(run_batches(live, {0.01, 0.04}, 7, now) == 0);
  live.moved(1);
  CHECK(live.row_s(1) == 0);
  CHECK(run_batches(live, {0.01, 0.01}, 50, now) == 0);
}

TEST_CASE("a pipeline that was planned over several nodes has no replicas to share a batch among") {
  load_options how;
  how.shards = 0;
  how.storage = dtype::f32;
  how.planning.use_all = true;
  const node_ability fast{"device", "driver", std::uint64_t{1} << 40, 1e9, 1e9, 0, 0};
  const std::vector<planning_node> nodes(4, planning_node{"node", fast, {}});
  const std::vector<graph> networks{digits_network()};
  const auto layout = std::make_shared<const plan>(need(make_plan(networks, how, builtin_operators(), nodes)));
  REQUIRE(layout->parts.size() >= 2);
  CHECK(shares_of(*layout).shares() == std::vector<double>{1});
  CHECK(coordinator_state(layout, 3).start().size() == layout->parts.size());
}
