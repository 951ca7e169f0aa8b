#include "troupe/chaos/report.hpp"

#include <nlohmann/json.hpp>

#include "support/check.hpp"
#include "troupe/chaos/scenario.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

chaos_report two_runs() {
  run_report well;
  well.plan.seed = 1;
  well.answers = 32;
  well.kinds[fault_kind::p1_kill] = {2, 2, 1};
  well.recovery_s = {0.5, 0.1};
  well.recoveries = 2;
  well.seconds = 1.25;
  run_report ill = well;
  ill.plan.seed = 2;
  ill.plan.faults = {{fault_kind::p1_kill, 1, 0us, 3s, 0, 7}};
  ill.recovery_s = {0.3};
  ill.kinds[fault_kind::n1_reset] = {1, 0, 0};
  ill.violations = {{"I2", "answer 3 is \"<&>\x01\xff", 1500us}, {"I1", "no answer", 2s}};
  chaos_report report{"a test", {}, {}};
  report.add(well);
  report.add(ill);
  return report;
}

}  // namespace

TEST_CASE("a report sums up its runs") {
  const chaos_report report = two_runs();
  CHECK(report.failed() == 1);
  CHECK(report.sums().kinds.at(fault_kind::p1_kill) == kind_count{4, 4, 2});
  CHECK(report.sums().recovery_s == std::vector<double>{0.1, 0.3, 0.5});
  CHECK(summary_of(report.runs[0]) == "seed 1: 0 faults, 32 answers, 2 recoveries, 1.25 s, ok");
  CHECK(summary_of(report.runs[1]).find("1 fault, 32 answers") != std::string::npos);
  CHECK(summary_of(report.runs[1]).find("2 VIOLATIONS") != std::string::npos);
  const std::string text = text_of(report);
  CHECK(text.find("2 runs, 1 with violations; 64 answers, 4 recoveries") != std::string::npos);
  CHECK(text.find("median 0.300 s, worst 0.500 s") != std::string::npos);
  CHECK(text.find("at token 7 node 1 P1.kill for 3s") != std::string::npos);
}

TEST_CASE("a report of very many runs keeps some of them and counts all") {
  const chaos_report one = two_runs();
  chaos_report report{"many", {}, {}};
  for (std::size_t i = 0; i < chaos::limits::good_runs_kept_max + 10; ++i) report.add(one.runs[0]);
  CHECK(report.runs.size() == chaos::limits::good_runs_kept_max);
  report.add(one.runs[1]);
  REQUIRE(report.runs.size() == chaos::limits::good_runs_kept_max + 1);
  CHECK(report.runs.back().number == chaos::limits::good_runs_kept_max + 11);
  CHECK(report.carried_out() == chaos::limits::good_runs_kept_max + 11);
  CHECK(report.failed() == 1);
  CHECK(report.sums().answers == 32 * report.carried_out());
  CHECK(report.sums().recovery_s.size() == 2 * report.carried_out() - 1);
  CHECK(nlohmann::json::parse(json_of(report))["runs"] == report.carried_out());
}

TEST_CASE("a report as JSON has everything, whatever bytes are in it") {
  const auto read = nlohmann::json::parse(json_of(two_runs()));
  CHECK(read["runs"] == 2);
  CHECK(read["failed"] == 1);
  CHECK(read["kinds"]["P1.kill"]["fired"] == 2);
  CHECK(read["kinds"]["N1.reset"]["armed"] == 0);
  CHECK(read["recovery_s"]["worst"] == 0.5);
  REQUIRE(read["violations"].size() == 2);
  CHECK(read["violations"][0]["invariant"] == "I2");
  CHECK(read["violations"][0]["at_us"] == 1500);
  const fault_plan again = need(parse_scenario(read["violations"][1]["scenario"].get<std::string>()));
  CHECK(again == two_runs().runs[1].plan);
}

TEST_CASE("a report as JUnit escapes what XML cannot hold") {
  const std::string xml = junit_of(two_runs());
  CHECK(xml.find("tests=\"2\" failures=\"1\"") != std::string::npos);
  CHECK(xml.find("<testcase classname=\"troupe.chaos\" name=\"run 1, seed 1\" time=\"1.250\"/>") != std::string::npos);
  CHECK(xml.find("&quot;&lt;&amp;&gt;?") != std::string::npos);
  CHECK(xml.find('\x01') == std::string::npos);
}
