#include "live_shares.hpp"

#include "support/check.hpp"

using namespace troupe;

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
