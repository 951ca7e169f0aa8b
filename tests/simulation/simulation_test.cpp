// Whole clusters in virtual time under random faults: every request answered once and right, everything up again after
// the faults, nothing left at the end.
#include "simulation/simulation.hpp"

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::simulation;
using troupe::test::need;

namespace {

simulation_report run(const fault_plan& plan, const simulation_options& options = {}) {
  auto report = run_simulated(plan, options);
  if (!report) FAIL(report.error().to_string());
  for (const violation& each : report->violations) FAIL_CHECK(each.invariant << " " << each.what);
  return *std::move(report);
}

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

std::string describe(const fault_plan& plan) {
  std::ostringstream text;
  text << "seed " << plan.seed << ": shape " << static_cast<int>(plan.work.what) << ", " << plan.work.workers
       << " workers, " << plan.work.shards << " shards, " << plan.work.requests << " requests of "
       << plan.work.sessions;
  for (const fault& each : plan.faults)
    text << "; " << to_string(each.kind) << " at host " << each.node << " (" << each.parameter << ") after "
         << each.at.count() << " us for " << each.lasting.count();
  return text.str();
}

struct tally {
  std::array<std::uint64_t, fault_kinds> armed{}, fired{};
  std::uint64_t runs = 0, steps = 0, failed = 0, answered = 0, recoveries = 0;
  std::vector<std::string> failures;

  void add(const fault_plan& plan, const result<simulation_report>& report) {
    ++runs;
    if (!report) return failures.push_back(describe(plan) + ": " + report.error().to_string());
    if (!report->violations.empty()) {
      const violation& first = report->violations[0];
      failures.push_back(describe(plan) + ": " + first.invariant + " at " + std::to_string(first.at.count()) +
                         " us: " + first.what);
    }
    for (std::size_t kind = 0; kind < armed.size(); ++kind) {
      armed[kind] += report->armed[kind];
      fired[kind] += report->fired[kind];
    }
    steps += report->steps;
    failed += report->failed;
    answered += report->answered;
    recoveries += report->recoveries;
  }
};

}  // namespace

TEST_CASE("a cluster without faults answers everything", "[simulation]") {
  for (const auto shape : {workload::shape::batches, workload::shape::data, workload::shape::sessions})
    for (std::uint32_t workers = 0; workers <= 3; ++workers) {
      fault_plan plan;
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

// Each of these broke an invariant once.

TEST_CASE("nodes that come at the same time are linked to each other", "[simulation]") {
  fault_plan plan;
  plan.work.workers = 3;
  plan.work.shards = 3;
  for (plan.seed = 1; plan.seed <= 40; ++plan.seed) {
    INFO("seed " << plan.seed);
    CHECK(run(plan).failed == 0);
  }
}

TEST_CASE("a link between two workers that is lost is made again", "[simulation]") {
  fault_plan plan;
  plan.work.shards = 2;
  plan.faults = {{.kind = fault_kind::reset_link, .node = 2, .at = std::chrono::milliseconds(5), .parameter = 1}};
  for (plan.seed = 1; plan.seed <= 20; ++plan.seed) {
    INFO("seed " << plan.seed);
    const auto report = run(plan);
    CHECK(report.fired[static_cast<std::size_t>(fault_kind::reset_link)] == 1);
    CHECK(report.failed == 0);
  }
}

TEST_CASE("a node that does not take a part in time does not end the model", "[simulation]") {
  fault_plan plan;
  plan.work.deadline = std::chrono::seconds(60);
  plan.faults = {{.kind = fault_kind::freeze_process,
                  .node = 1,
                  .at = std::chrono::milliseconds(5),
                  .lasting = std::chrono::milliseconds(1500)},
                 {.kind = fault_kind::hang_node_actor,
                  .node = 2,
                  .at = std::chrono::milliseconds(5),
                  .lasting = std::chrono::seconds(40)},
                 {.kind = fault_kind::kill_coordinator, .at = std::chrono::milliseconds(6)}};
  for (plan.seed = 1; plan.seed <= 20; ++plan.seed) {
    INFO("seed " << plan.seed);
    run(plan);
  }
}

TEST_CASE("random faults break no invariant", "[simulation]") {
  const std::uint64_t first = number_of("TROUPE_SEED", std::random_device()());
  const std::uint64_t schedules = number_of("TROUPE_SCHEDULES", 1000), threads = number_of("TROUPE_THREADS", 1);
  std::cout << "simulation: " << schedules << " schedules from TROUPE_SEED=" << first << std::endl;
  simulation_options options;
  if (std::getenv("TROUPE_TRACE")) options.trace = [](const std::string& line) { std::cout << line << "\n"; };

  std::mutex mutex;
  tally seen;
  std::atomic<std::uint64_t> next{0};
  const auto work = [&] {
    for (std::uint64_t i = next++; i < schedules; i = next++) {
      const auto plan = draw_plan(first + i);
      const auto report = run_simulated(plan, options);
      const std::lock_guard lock(mutex);
      seen.add(plan, report);
      if (seen.failures.size() >= 20) return;
    }
  };
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (std::uint64_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& each : others) each.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  for (const std::string& failure : seen.failures) FAIL_CHECK(failure);
  std::cout << seen.runs << " schedules in " << taken.count() << " s, " << seen.steps << " steps, " << seen.answered
            << " answered, " << seen.failed << " failed, " << seen.recoveries << " recoveries\n";
  for (std::size_t kind = 0; kind < seen.armed.size(); ++kind)
    std::cout << "  " << to_string(static_cast<fault_kind>(kind)) << " " << seen.fired[kind] << " of "
              << seen.armed[kind] << "\n";
}

TEST_CASE("the same plan runs in the same way", "[simulation]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    const auto once = need(run_simulated(draw_plan(seed))), again = need(run_simulated(draw_plan(seed)));
    CHECK(once.trace_hash == again.trace_hash);
    CHECK(once.steps == again.steps);
  }
}
