#include "step_times.hpp"

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::step_times_limits;

TEST_CASE("the median of the latest steps counts, once there are a few") {
  step_times times;
  CHECK(times.median() == 0);
  for (std::size_t i = 1; i < least; ++i) times.add(1);
  CHECK_FALSE(times.known());
  times.add(100);  // one that took long is no news
  CHECK(times.known());
  CHECK(times.median() == 1);
  for (std::size_t i = 0; i < window / 2 + 1; ++i) times.add(3);
  CHECK(times.median() == 3);
  for (std::size_t i = 0; i < window; ++i) times.add(2);
  CHECK(times.median() == 2);
}
