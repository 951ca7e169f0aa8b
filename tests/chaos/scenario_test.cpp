#include "troupe/chaos/scenario.hpp"

#include <set>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

const char* const whole =
    "seed 42\n"
    "model folder of models/stories.gguf\n"
    "nodes 4\n"
    "mode pipeline\n"
    "requests 3\n"
    "tokens 64\n"
    "deadline 1500ms\n"
    "at 120ms node 2 P2.freeze for 3s\n"
    "at token 17 node 1 P1.kill for 500ms\n"
    "at token 20 plus 300us node 0 N6.delay with ms=20 for 2s\n"
    "at token 21 part 3 A1.part_crash\n"
    "at 1s cluster C1.cancel\n";

/// What `parse_scenario` says against the text.
std::string refusal(std::string_view text) {
  const auto read = parse_scenario(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == errc::invalid_argument);
  return read.error().to_string();
}

}  // namespace

TEST_CASE("a scenario that was read is printed as it was") {
  const fault_plan plan = need(parse_scenario(whole));
  CHECK(print_scenario(plan) == whole);
  CHECK(plan.seed == 42);
  CHECK(plan.work.deadline == 1500ms);
  REQUIRE(plan.faults.size() == 5);
  CHECK(plan.faults[0] == fault{fault_kind::p2_freeze, 2, 120ms, 3s, 0});
  CHECK(plan.faults[1] == fault{fault_kind::p1_kill, 1, 0us, 500ms, 0, 17});
  CHECK(plan.faults[2] == fault{fault_kind::n6_delay, 0, 300us, 2s, 20, 20});
  CHECK(need(parse_scenario(print_scenario(plan))) == plan);
}

TEST_CASE("what a scenario leaves out has its default") {
  CHECK(need(parse_scenario("")) == fault_plan{});
  const fault_plan plan = need(parse_scenario("# nothing\r\n\n  at 5ms\tnode 1 N6.delay for 1s # late\r\n"));
  REQUIRE(plan.faults.size() == 1);
  CHECK(plan.faults[0].parameter == info_of(fault_kind::n6_delay).parameter_usual);
  CHECK(plan.work == workload{});
}

TEST_CASE("a scenario with a mistake is refused with its line") {
  CHECK(refusal("seed 1\nseed 2\n").find("line 2") == 0);
  CHECK(refusal("\n\nat 5ms node 0 P1.boil for 1s").find("line 3: \"P1.boil\"") == 0);
  CHECK(refusal("at 5 node 0 N1.reset").find("5") != std::string::npos);
  CHECK(refusal("at 5ms N1.reset").find("node N") != std::string::npos);
  CHECK(refusal("at 5ms part 0 N1.reset").find("hits a node") != std::string::npos);
  CHECK(refusal("at 5ms node 9 N1.reset").find("there are 2") != std::string::npos);
  CHECK(refusal("at 5ms node 0 N1.reset for 3s").find("no duration") != std::string::npos);
  CHECK(refusal("at 5ms node 0 P2.freeze").find("for how long") != std::string::npos);
  CHECK(refusal("at 5ms node 0 N1.reset with ms=3").find("no parameter") != std::string::npos);
  CHECK(refusal("at 5ms node 0 N6.delay with s=3 for 1s").find("ms=N") != std::string::npos);
  CHECK(refusal("at 5ms node 0 N6.delay with ms=0 for 1s").find("outside") != std::string::npos);
  CHECK(refusal("at 5ms node 0 N1.reset now").find("now") != std::string::npos);
  CHECK(refusal("at 3601s node 0 N1.reset").find("3600") != std::string::npos);
  CHECK(refusal("at 99999999999999999999s node 0 N1.reset").find("number") != std::string::npos);
  CHECK(refusal("nodes 0").find("1 to 64") != std::string::npos);
  CHECK(refusal("nodes 2 3").find("not expected") != std::string::npos);
  CHECK(refusal("colour red").find("colour") != std::string::npos);
  CHECK(refusal("model   ").find("missing") != std::string::npos);
  CHECK(refusal(std::string_view("seed 1\0", 7)).find("byte 0") != std::string::npos);
  CHECK(refusal(std::string(5000, 'a')).find("too long") != std::string::npos);
  CHECK(refusal(std::string((1 << 20) + 1, '\n')).find("longer") != std::string::npos);
  std::string many;
  for (int i = 0; i < 4097; ++i) many += "at 1s node 0 N1.reset\n";
  CHECK(refusal(many).find("line 4097") == 0);
}

TEST_CASE("a damaged scenario is refused or read, and what is read can be printed and read again") {
  const std::uint64_t seed = 2024;
  random_source random(seed);
  const std::string_view letters =
      "0123456789 \n\tabcdeNPS.=#for\xff\x00"
      "us";
  int read_well = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (auto damages = random.below(4) + 1; damages > 0; --damages) {
      const std::size_t place = random.below(text.size() + 1);
      const char letter = letters[random.below(letters.size())];
      switch (random.below(5)) {
        case 0: text.insert(place, 1, letter); break;
        case 1: text.erase(place, random.below(9)); break;
        case 2: text.resize(place); break;
        case 3: text.insert(place, text.substr(random.below(text.size() + 1), random.below(40))); break;
        default:
          if (place < text.size()) text[place] = letter;
      }
    }
    const auto plan = parse_scenario(text);
    if (!plan) {
      if (plan.error().code() != errc::invalid_argument) FAIL("seed " << seed << ": " << text);
      continue;
    }
    ++read_well;
    const auto again = parse_scenario(print_scenario(*plan));
    if (!again || !(*again == *plan)) FAIL("seed " << seed << ", round " << round << ": " << text);
  }
  CHECK(read_well > 100);
  CHECK(read_well < 19'000);
}

TEST_CASE("the catalogue has at least 50 kinds with ids of their own, each of which can be injected somewhere") {
  std::set<std::string_view> ids;
  for (const fault_kind_info& each : fault_catalogue()) {
    INFO(each.id);
    CHECK(ids.insert(each.id).second);
    CHECK((each.simulated || each.real));
    CHECK(fault_kind_of(each.id) == each.kind);
    CHECK(each.parameter_min <= each.parameter_usual);
    CHECK(each.parameter_usual <= each.parameter_max);
    CHECK(each.parameter.empty() == (each.parameter_max == 0));
    CHECK_FALSE(each.meaning.empty());
  }
  CHECK(ids.size() >= 50);
  CHECK_FALSE(fault_kind_of("P1"));
}
