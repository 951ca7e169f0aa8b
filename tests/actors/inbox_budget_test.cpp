#include "inbox_budget.hpp"

#include "support/check.hpp"

using namespace troupe;

TEST_CASE("what waits for a server of streams is bounded in records, in bytes and for each client", "[streams]") {
  inbox_budget budget({.records = 4, .bytes = 100, .requests = 2});
  CHECK(budget.take(1, 60, true));
  CHECK_FALSE(budget.take(2, 41, true));
  CHECK(budget.take(1, 10, true));
  CHECK_FALSE(budget.take(1, 10, true));
  CHECK(budget.take(1, 10, false));
  CHECK(budget.take(2, 20, true));
  CHECK_FALSE(budget.take(2, 0, false));
  budget.clear();
  CHECK(budget.take(1, 100, true));
  CHECK_FALSE(budget.take(2, 1, false));
}
