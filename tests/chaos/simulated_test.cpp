#include "troupe/chaos/simulated.hpp"

#include <fmt/format.h>

#include "support/check.hpp"
#include "support/transport.hpp"
#include "troupe/chaos/draw.hpp"
#include "troupe/chaos/scenario.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

chaos::workload small_work(parallel_mode mode = parallel_mode::pipeline, std::uint32_t requests = 1) {
  chaos::workload work;
  work.nodes = 3;
  work.mode = mode;
  work.requests = requests;
  work.tokens = 24;
  return work;
}

/// One fault of a kind while the work is under way.
chaos::fault_plan plan_of(const chaos::fault_kind_info& kind, std::uint64_t seed) {
  chaos::fault_plan plan;
  plan.seed = seed;
  plan.work = small_work();
  chaos::fault one;
  one.kind = kind.kind;
  one.node = kind.target == chaos::fault_target::cluster ? 0 : static_cast<std::uint32_t>(seed % 3);
  one.at = chaos::microseconds(5000 + 1000 * static_cast<std::int64_t>(seed % 7));
  if (kind.lasts) one.lasting = 300ms;
  one.parameter = kind.parameter_usual;
  plan.faults = {one};
  return plan;
}

}  // namespace

TEST_CASE("every kind of fault that the catalogue calls simulated happens in simulation, and breaks nothing",
          "[chaos][simulated]") {
  for (const chaos::fault_kind_info& kind : chaos::fault_catalogue()) {
    std::uint64_t fired = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const auto done = chaos::run_simulated(plan_of(kind, seed));
      INFO(kind.id << ", seed " << seed);
      if (!kind.simulated) {
        REQUIRE_FALSE(done);
        REQUIRE(done.error().code() == errc::unsupported);
        continue;
      }
      const chaos::run_report report = need(done);
      for (const chaos::violation& each : report.violations) UNSCOPED_INFO(each.invariant << ": " << each.what);
      CHECK(report.violations.empty());
      CHECK(report.kinds.at(kind.kind).drawn == 1);
      fired += report.kinds.at(kind.kind).fired;
    }
    INFO(kind.id);
    CHECK((fired > 0) == kind.simulated);
  }
}

TEST_CASE("the same plan has the same trace, and another seed another", "[chaos][simulated]") {
  chaos::draw_options options;
  for (const auto mode : {parallel_mode::pipeline, parallel_mode::data}) {
    options.work = small_work(mode, mode == parallel_mode::data ? 4 : 1);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const chaos::fault_plan plan = need(chaos::draw_plan(seed, options));
      const auto first = need(chaos::run_simulated(plan));
      const auto again = need(chaos::run_simulated(need(chaos::parse_scenario(chaos::print_scenario(plan)))));
      CHECK(first.trace_hash == again.trace_hash);
      CHECK(first.answers == again.answers);
      chaos::fault_plan other = plan;
      other.seed += 1000;
      CHECK(need(chaos::run_simulated(other)).trace_hash != first.trace_hash);
    }
  }
}

TEST_CASE("what cannot be simulated is refused with the reason", "[chaos][simulated]") {
  const auto refusal = [](auto change) {
    chaos::fault_plan plan;
    plan.work = small_work();
    change(plan);
    const auto done = chaos::run_simulated(plan);
    return done ? std::string("accepted") : done.error().to_string();
  };
  CHECK(refusal([](auto&) {}) == "accepted");
  CHECK(refusal([](auto& plan) { plan.work.model = "a.gguf"; }).find("leave the model out") != std::string::npos);
  CHECK(refusal([](auto& plan) { plan.work.mode = parallel_mode::tensor; }).find("pipeline or data") !=
        std::string::npos);
  CHECK(refusal([](auto& plan) { plan.work.nodes = 9; }).find("at most 8 workers") != std::string::npos);
  CHECK(refusal([](auto& plan) {
          plan.faults = {{chaos::fault_kind::a1_part_crash, 0, 0ms, 0ms, 0, 5}};
        }).find("give a time") != std::string::npos);
}

TEST_CASE("plans drawn anew each time break nothing in simulation", "[chaos][simulated]") {
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  std::uint64_t answers = 0, fired = 0;
  for (std::uint64_t run = 0; run < 300; ++run) {
    chaos::draw_options options;
    options.work = small_work(run % 3 == 0 ? parallel_mode::data : parallel_mode::pipeline, run % 3 == 2 ? 1 : 3);
    options.horizon = 100ms;
    const chaos::fault_plan plan = need(chaos::draw_plan(seed * 1000 + run, options));
    const auto report = need(chaos::run_simulated(plan));
    INFO(chaos::print_scenario(plan));
    for (const chaos::violation& each : report.violations) UNSCOPED_INFO(each.invariant << ": " << each.what);
    CHECK(report.violations.empty());
    answers += report.answers;
    for (const auto& [kind, count] : report.kinds) fired += count.fired;
  }
  WARN(fmt::format("{} answers, {} faults", answers, fired));
  CHECK(answers > 1000);
  CHECK(fired > 200);
}

TEST_CASE("schedules that once broke something break nothing any more", "[chaos][simulated]") {
  const char* const scenarios[] = {
      // The second death of a node's actor on one link was not told.
      "seed 12587\nnodes 2\nmode pipeline\nrequests 1\ntokens 1\ndeadline 60s\n"
      "at 39ms node 1 A6.node_actor\nat 0s node 1 A6.node_actor\n",
      // An order that came late over an old link displaced a part, and nobody was told.
      "seed 14878\nnodes 2\nmode pipeline\nrequests 1\ntokens 21\ndeadline 60s\n"
      "at 35ms node 1 N6.delay with ms=1 for 3ms\nat 38ms cluster A7.coordinator\nat 35ms node 1 N9.flip with bits=1\n",
      // A part came back to a host, and the end of the shard that it had there before was taken for the new one's.
      "seed 11463\nnodes 2\nmode pipeline\nrequests 1\ntokens 32\ndeadline 60s\n"
      "at 15ms node 0 N1.flap with ms=233 for 466ms\nat 49ms node 0 N8.duplicate with bytes=1\n"
      "at 74ms node 0 N9.cut with bytes=1\n",
  };
  for (const char* const scenario : scenarios) {
    INFO(scenario);
    const auto report = need(chaos::run_simulated(need(chaos::parse_scenario(scenario))));
    for (const chaos::violation& each : report.violations) UNSCOPED_INFO(each.invariant << ": " << each.what);
    CHECK(report.violations.empty());
  }
}
