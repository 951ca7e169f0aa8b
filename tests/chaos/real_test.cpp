// Plans carried out with real processes of the program.
#include "troupe/chaos/real.hpp"

#include <cstdlib>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/chaos/scenario.hpp"

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
  for (const violation& each : report.violations) CHECK((each.invariant + " " + each.what).empty());
}

}  // namespace

TEST_CASE("a language model over real processes goes on after one is killed at a token") {
  real_runner runner({.program = TROUPE_PROGRAM});
  const fault_plan plan = plan_of(2, 24, {{fault_kind::p1_kill, 1, 0us, 500ms, 0, 7}}, stories);
  const run_report report = need(runner.run(plan));
  check_well(report);
  CHECK(report.answers == 24);
  CHECK(report.recoveries > 0);
  CHECK(report.recovery_s.size() == 1);
  CHECK(report.kinds.at(fault_kind::p1_kill) == kind_count{1, 1, 1});
}
