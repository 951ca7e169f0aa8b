// Whole clusters in virtual time under random faults: every request answered once and right, everything up again after
// the faults, nothing left at the end.
#include "simulation/simulation.hpp"

#include <cstdlib>
#include <iostream>
#include <random>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::simulation;
using troupe::test::need;

namespace {

simulation_report run(const chaos::fault_plan& plan, const simulation_options& options = {}) {
  auto report = run_simulated(plan, options);
  if (!report) FAIL(report.error().to_string());
  for (const violation& each : report->violations) FAIL_CHECK(each.invariant << " " << each.what);
  return *std::move(report);
}

}  // namespace

TEST_CASE("a cluster without faults answers everything", "[simulation]") {
  for (const auto shape : {chaos::workload::shape::batches, chaos::workload::shape::data, chaos::workload::shape::sessions})
    for (std::uint32_t workers = 0; workers <= 3; ++workers) {
      chaos::fault_plan plan;
      plan.seed = workers;
      plan.work.what = shape;
      plan.work.workers = workers;
      plan.work.shards = 2;
      INFO("shape " << static_cast<int>(shape) << ", " << workers << " workers");
      const auto report = run(plan);
      CHECK(report.answered == plan.work.requests * plan.work.sessions + plan.work.sessions);
      CHECK(report.failed == 0);
    }
}

TEST_CASE("random faults break no invariant", "[simulation]") {
  const char* given = std::getenv("TROUPE_SEED");
  const char* wanted = std::getenv("TROUPE_SCHEDULES");
  const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  const std::uint64_t schedules = wanted ? std::strtoull(wanted, nullptr, 10) : 1000;
  std::cout << "simulation: " << schedules << " schedules from TROUPE_SEED=" << first << std::endl;
  simulation_options options;
  if (std::getenv("TROUPE_TRACE")) options.trace = [](const std::string& line) { std::cout << line << "\n"; };
  std::array<std::uint64_t, chaos::fault_kinds> armed{}, fired{};
  std::uint64_t steps = 0, failed = 0, answered = 0, recoveries = 0;
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + schedules && failures < 20; ++seed) {
    const auto report = need(run_simulated(draw_plan(seed), options));
    if (!report.violations.empty()) {
      ++failures;
      FAIL_CHECK("seed " << seed << ": " << report.violations[0].invariant << " at " << report.violations[0].at.count() << " us: " << report.violations[0].what);
    }
    for (std::size_t kind = 0; kind < armed.size(); ++kind) armed[kind] += report.armed[kind], fired[kind] += report.fired[kind];
    steps += report.steps, failed += report.failed, answered += report.answered, recoveries += report.recoveries;
  }
  std::cout << steps << " steps, " << answered << " answered, " << failed << " failed, " << recoveries << " recoveries\n";
  for (std::size_t kind = 0; kind < armed.size(); ++kind)
    std::cout << "  " << to_string(static_cast<chaos::fault_kind>(kind)) << " " << fired[kind] << " of " << armed[kind] << "\n";
}
