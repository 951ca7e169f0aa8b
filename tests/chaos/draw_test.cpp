#include "troupe/chaos/draw.hpp"

#include <map>

#include "support/check.hpp"
#include "troupe/chaos/scenario.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

TEST_CASE("a seed always draws the same valid plan, and another seed another one") {
  draw_options options;
  options.work.nodes = 4;
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const fault_plan drawn = need(draw_plan(seed, options));
    CHECK(drawn == need(draw_plan(seed, options)));
    CHECK(drawn.seed == seed);
    CHECK(need(parse_scenario(print_scenario(drawn))) == drawn);
    CHECK(drawn.faults.size() >= 1);
    CHECK(drawn.faults.size() <= 4);
    fault_plan without_seed = drawn;
    without_seed.seed = 0;
    ++seen[print_scenario(without_seed)];
  }
  CHECK(seen.size() > 490);
}

TEST_CASE("every kind that is asked for is drawn, and no other") {
  for (const bool real : {false, true})
    for (const bool recoverable : {false, true}) {
      draw_options options;
      options.real = real;
      options.recoverable = recoverable;
      std::map<fault_kind, int> drawn;
      for (std::uint64_t seed = 0; seed < 1000; ++seed)
        for (const fault& each : need(draw_plan(seed, options)).faults) ++drawn[each.kind];
      for (const fault_kind_info& each : fault_catalogue()) {
        INFO(each.id);
        const bool wanted = (real ? each.real : each.simulated) && (each.recoverable || !recoverable);
        CHECK((drawn.count(each.kind) > 0) == wanted);
      }
    }
}

TEST_CASE("the numbers of a plan are the same on every machine") {
  draw_options options;
  options.real = true;
  options.kinds = {fault_kind::p1_kill};
  options.faults_min = options.faults_max = 3;
  const fault_plan drawn = need(draw_plan(7, options));
  std::string lines;
  for (const fault& each : drawn.faults) lines += to_string(each) + "\n";
  CHECK(lines ==
        "at token 0 node 0 P1.kill for 728ms\n"
        "at 164ms node 0 P1.kill for 2675ms\n"
        "at token 15 node 0 P1.kill for 2535ms\n");
}

TEST_CASE("options that leave nothing to draw are refused") {
  draw_options options;
  options.kinds = {fault_kind::n4_peers};  // only real
  CHECK(draw_plan(1, options).error().code() == errc::invalid_argument);
  options.kinds.clear();
  options.faults_min = 5;
  CHECK(draw_plan(1, options).error().code() == errc::invalid_argument);
  options.faults_min = 0;
  options.lasting_max = 0us;
  CHECK(draw_plan(1, options).error().code() == errc::invalid_argument);
  options.lasting_max = 1ms;
  options.work.nodes = 0;
  CHECK(draw_plan(1, options).error().code() == errc::invalid_argument);
}
