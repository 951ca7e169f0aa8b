// Plans carried out with real processes of the program.
#include "troupe/chaos.hpp"

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

const std::string stories = TROUPE_SOURCE_DIR "/sample_apps/models/stories/stories-q8_0.gguf";

fault_plan plan_of(std::uint32_t nodes, std::uint32_t tokens, std::vector<fault> faults, std::string model = {}) {
  fault_plan made;
  made.seed = 11;
  made.work = {std::move(model), nodes, parallel_mode::pipeline, 1, tokens, 60s};
  made.faults = std::move(faults);
  return made;
}

void check_well(const run_report& report) {
  for (const violation& each : report.violations) CHECK(each.invariant + ": " + each.what == "");
}

}  // namespace

TEST_CASE("a language model over real processes goes on after one is killed at a token") {
  real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  const fault_plan plan = plan_of(2, 24, {{fault_kind::p1_kill, 1, 0us, 500ms, 0, 7}}, stories);
  const run_report report = need(runner.run(plan));
  check_well(report);
  CHECK(report.answers == 24);
  CHECK(report.recoveries > 0);
  CHECK(report.recovery_s.size() == 1);
  CHECK(report.kinds.at(fault_kind::p1_kill) == kind_count{1, 1, 1});
}

TEST_CASE("a node that stands still is replaced, and what it says later changes nothing") {
  real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  fault_plan plan = plan_of(2, 600, {{fault_kind::p3_zombie, 0, 0us, 30s, 100, 9}});
  plan.work.deadline = 10min;
  const run_report report = need(runner.run(plan));
  check_well(report);
  CHECK(report.answers == 600);
  CHECK(report.recoveries > 0);
}

TEST_CASE("faults that must end a request are violations, and shrink to what matters") {
  real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  fault_plan plan =
      plan_of(2, 24, {{fault_kind::n11_storm, 0, 1ms, 0us, 8}, {fault_kind::c2_slow_reader, 0, 0us, 60s, 0, 5}});
  plan.work.deadline = 10s;  // of which next to nothing is needed, unless nobody reads the answers
  const auto fails = [&](const fault_plan& tried) { return !need(runner.run(tried)).violations.empty(); };
  const shrunk_plan small = shrink(plan, fails, 2);  // without the one, without the other
  REQUIRE(small.plan.faults.size() == 1);
  CHECK(small.plan.faults[0].kind == fault_kind::c2_slow_reader);
}

TEST_CASE("work that cannot be done leaves nothing to the plan after it") {
  real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  const fault_plan plan = plan_of(1, 4, {});
  check_well(need(runner.run(plan)));
  fault_plan hopeless = plan_of(1, 24, {}, stories);
  hopeless.work.deadline = 1ms;
  CHECK(runner.run(hopeless).error().code() == errc::unavailable);
  check_well(need(runner.run(plan)));
}

// What docs/chaos.md shows.
TEST_CASE("a node that is killed costs time and nothing else") {
  using namespace std::chrono_literals;
  troupe::chaos::fault_plan plan;
  plan.faults = {{troupe::chaos::fault_kind::p1_kill, 1, 5ms, 300ms}};
  troupe::chaos::real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  const auto report = runner.run(plan);
  REQUIRE(report);
  CHECK(report->violations.empty());
}

TEST_CASE("a program with work of its own lets faults happen to a cluster") {
  auto nodes = need(cluster::start({.program = TROUPE_PROGRAM, .nodes = 2, .device = "reference"}));
  auto host = need(troupe::system::make({.device = "reference", .nodes = nodes->addresses()}));
  int armed = 0;
  for (const tree_node& each : host.tree().children)
    armed += each.detail.find("fault injection allowed") != std::string::npos;
  CHECK(armed == 2);  // nobody has to guess
  need(nodes->begin({{fault_kind::n1_reset, 0, 0us, 0us, 0, 0}}));
  nodes->at_token(0);  // comes back when it has begun
  const cluster_log happened = nodes->end();
  CHECK(happened.problems.empty());
  CHECK(happened.kinds.at(fault_kind::n1_reset) == kind_count{1, 1, 1});
}
