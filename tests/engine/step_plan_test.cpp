// Who has which rows of a step: nobody waits for ever, and no stage waits for want of a step.
#include "generation/step_plan.hpp"

#include <map>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

session prompt_of(session_id id, std::size_t length) {
  session made{.id = id, .options = {}, .choice = need(sampler::make({})), .tokens = std::vector<token_id>(length, 1)};
  made.prompt_size = length;
  return made;
}

/// One that has read its prompt and waits for the step that follows.
session speaker(session_id id) {
  session made = prompt_of(id, 5);
  made.computed = made.begun = 4;
  return made;
}

/// The step was made: whoever had its last row has another token.
void conclude(const std::vector<row_share>& shares) {
  for (const row_share& share : shares) {
    share.owner->computed += share.count;
    if (share.owner->remaining() == 0) share.owner->tokens.push_back(1);
  }
}

std::size_t rows_of(const std::vector<row_share>& shares) {
  std::size_t sum = 0;
  for (const row_share& share : shares) sum += share.count;
  return sum;
}

}  // namespace

TEST_CASE("more sessions than a step has rows take turns") {
  std::list<session> active;
  for (session_id id = 1; id <= 10; ++id) active.push_back(speaker(id));
  std::map<session_id, int> served;
  for (int step = 0; step < 25; ++step) {
    const auto shares = plan_step(active, 4, 1);
    CHECK(rows_of(shares) == 4);
    for (const row_share& share : shares) ++served[share.owner->id];
    conclude(shares);
  }
  REQUIRE(served.size() == 10);
  for (const auto& [id, times] : served) CHECK(times == 10);
}

TEST_CASE("prompts are read on while more sessions generate than a step has rows, the oldest first") {
  std::list<session> active;
  for (session_id id = 1; id <= 20; ++id) active.push_back(speaker(id));
  active.push_back(prompt_of(21, 7));
  active.push_back(prompt_of(22, 3));
  std::vector<std::pair<session_id, std::size_t>> read;
  for (int step = 0; step < 5; ++step) {
    const auto shares = plan_step(active, 8, 1);
    CHECK(rows_of(shares) == 8);
    for (const row_share& share : shares)
      if (share.owner->id > 20 && share.owner->computed < share.owner->prompt_size)
        read.emplace_back(share.owner->id, share.count);
    conclude(shares);
  }
  CHECK(read == std::vector<std::pair<session_id, std::size_t>>{{21, 2}, {21, 2}, {21, 2}, {21, 1}, {22, 2}, {22, 1}});
}

TEST_CASE("one stage takes all there is, several stages a part of it each") {
  for (const std::size_t stages : {1, 2, 3}) {
    INFO(stages << " stages");
    std::list<session> active;
    for (session_id id = 1; id <= 6; ++id) active.push_back(speaker(id));
    std::size_t steps = 0;
    // None of them is concluded: they are under way at once.
    while (!plan_step(active, 128, stages).empty()) ++steps;
    CHECK(steps == stages);

    std::list<session> reading{prompt_of(1, 128)};
    std::size_t pieces = 0, next = 0;
    for (auto shares = plan_step(reading, 128, stages); !shares.empty(); shares = plan_step(reading, 128, stages)) {
      CHECK(shares.at(0).first == next);
      next += shares[0].count;
      ++pieces;
    }
    CHECK(next == 128);
    CHECK((pieces == 1) == (stages == 1));
    CHECK((stages == 1 || pieces >= steps_at_once(stages)));
  }
}
