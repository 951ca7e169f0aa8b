#include "troupe/chaos/shrink.hpp"

#include <algorithm>

#include "support/check.hpp"
#include "troupe/chaos/draw.hpp"
#include "troupe/chaos/scenario.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

fault_plan large_plan(std::uint64_t seed) {
  draw_options options;
  options.work = {"", 4, parallel_mode::pipeline, 8, 64, 60s};
  options.faults_min = options.faults_max = 40;
  return need(draw_plan(seed, options));
}

const fault* first_of(const fault_plan& plan, fault_kind kind) {
  const auto found =
      std::find_if(plan.faults.begin(), plan.faults.end(), [&](const fault& each) { return each.kind == kind; });
  return found == plan.faults.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("a plan shrinks to the one fault that fails, as small as it fails") {
  fault_plan plan = large_plan(3);
  plan.faults[17] = {fault_kind::n6_delay, 2, 100ms, 900ms, 77};
  // A bug that needs node 2 to be slow by 13 ms for 20 ms, and 3 tokens.
  const auto fails = [](const fault_plan& tried) {
    CHECK(validate(tried));
    return tried.work.tokens >= 3 && std::any_of(tried.faults.begin(), tried.faults.end(), [](const fault& each) {
             return each.kind == fault_kind::n6_delay && each.node == 2 && each.parameter >= 13 && each.lasting >= 20ms;
           });
  };
  REQUIRE(fails(plan));
  const shrunk_plan small = shrink(plan, fails, 1000);
  CHECK(small.smallest);
  CHECK(small.runs < 150);
  fault_plan want;
  want.seed = 3;
  want.work = {"", 3, parallel_mode::pipeline, 1, 3, 60s};
  want.faults = {{fault_kind::n6_delay, 2, 0us, 20ms, 13}};
  CHECK(print_scenario(small.plan) == print_scenario(want));
}

TEST_CASE("faults that fail only together stay together") {
  fault_plan plan = large_plan(4);
  plan.faults[3] = {fault_kind::p1_kill, 0, 0us, 500ms, 0, 20};
  plan.faults[31] = {fault_kind::n9_flip, 1, 40ms, 0us, 5};
  const auto fails = [](const fault_plan& tried) {
    const fault* killed = first_of(tried, fault_kind::p1_kill);
    return killed && first_of(tried, fault_kind::n9_flip);
  };
  REQUIRE(fails(plan));
  const shrunk_plan small = shrink(plan, fails, 1000);
  CHECK(small.smallest);
  CHECK(small.plan.faults.size() == 2);
  CHECK(fails(small.plan));
}

TEST_CASE("shrinking ends with its runs, and with a plan that fails") {
  const fault_plan plan = large_plan(5);
  std::size_t calls = 0;
  const auto fails = [&](const fault_plan& tried) {
    ++calls;
    return tried.faults.size() > 7;
  };
  const shrunk_plan small = shrink(plan, fails, 10);
  CHECK(calls <= 10);
  CHECK(small.runs == calls);
  CHECK_FALSE(small.smallest);
  CHECK(small.plan.faults.size() > 7);
  // Nothing can be left out of a plan that fails only as it is.
  const shrunk_plan same = shrink(
      plan, [](const fault_plan&) { return false; }, 5000);
  CHECK(same.smallest);
  CHECK(same.plan == plan);
  // Nor is anything known when the calls end before something could.
  const shrunk_plan unknown = shrink(
      plan, [](const fault_plan&) { return false; }, 3);
  CHECK(unknown.runs == 3);
  CHECK_FALSE(unknown.smallest);
}
