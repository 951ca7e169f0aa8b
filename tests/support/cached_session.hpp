// An embedder's side of a model with states: a session that replays its rows when their traces are lost.
#pragma once

#include "support/cached_network.hpp"
#include "troupe/system.hpp"

namespace troupe::test {

class cached_session {
public:
  cached_session(model on, std::int32_t session) : on_(std::move(on)), session_(session) {}

  /// The next `count` rows, with the state that the session has so far.
  result<tensor> try_next(std::int64_t count) {
    run_options how{.deadline = std::chrono::seconds(30)};
    how.state_epoch = epoch_;
    TROUPE_TRY(auto answer, on_.run(cached_network::inputs(session_, done_, count), how));
    if (epoch_ != 0) CHECK(answer.state_epoch == epoch_);
    CHECK(answer.state_epoch != 0);
    epoch_ = answer.state_epoch;
    done_ += count;
    return answer.outputs.at(0);
  }

  /// The next rows whatever is lost on the way: then all rows are run again from the first one, with any state.
  tensor next(std::int64_t count) {
    for (int attempt = 0; attempt < 50; ++attempt) {
      const std::int64_t before = done_;
      auto rows = try_next(count);
      if (rows) return *rows;
      if (rows.error().code() != errc::state_lost) FAIL(rows.error().to_string());
      ++losses_;
      replay(before);
    }
    FAIL("the state was lost 50 times in a row");
    return {};
  }

  /// Runs until the loss of a state is told, which may take a few runs when it was not known yet. Their rows count.
  void run_until_lost(const tensor& want) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      const std::int64_t first = done_;
      auto rows = try_next(1);
      if (!rows) {
        REQUIRE(rows.error().code() == errc::state_lost);
        ++losses_;
        return;
      }
      REQUIRE(bitwise_equal(*rows, need(want.rows(first, 1))));
    }
    FAIL("the state survived the loss of a part");
  }

  /// Begins again with a state of any epoch, and brings it to `positions` rows.
  tensor replay(std::int64_t positions) {
    for (int attempt = 0; attempt < 50; ++attempt) {
      done_ = 0;
      epoch_ = 0;
      if (positions == 0) return {};
      auto rows = try_next(positions);
      if (rows) return *rows;
      if (rows.error().code() != errc::state_lost) FAIL(rows.error().to_string());
      ++losses_;
    }
    FAIL("the state was lost 50 times in a row");
    return {};
  }

  std::int64_t done() const { return done_; }
  std::uint64_t epoch() const { return epoch_; }
  int losses() const { return losses_; }

private:
  model on_;
  std::int32_t session_;
  std::int64_t done_ = 0;
  std::uint64_t epoch_ = 0;
  int losses_ = 0;
};

}  // namespace troupe::test
