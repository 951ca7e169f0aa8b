// Faults that happen to real node processes, one kind after the other.
#include "troupe/chaos/cluster.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/chaos/real.hpp"
#include "troupe/chaos/scenario.hpp"
#include "troupe/transport/strangers.hpp"

using namespace troupe;
using namespace troupe::chaos;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

fault usual(fault_kind kind, std::uint32_t node, std::uint32_t token) {
  const fault_kind_info& info = info_of(kind);
  return {kind,
          info.target == fault_target::cluster ? 0u : node,
          0us,
          info.lasts ? microseconds(300ms) : 0us,
          info.parameter_usual,
          token};
}

/// Damage to bytes. It hits whatever comes next to a node: with two of them perhaps a link between them alone, which
/// the program that uses them does not lose.
bool is_damage(fault_kind kind) {
  using enum fault_kind;
  return kind == n1_reset_mid_frame || kind == n8_duplicate || kind == n9_flip || kind == n9_cut || kind == n9_insert;
}

bool is_of_caches(fault_kind kind) {
  using enum fault_kind;
  return kind == s5_cache_rot || kind == s6_cache_gone || kind == s8_cache_torn;
}

/// Kills the one process that this one has started, and waits until it has ended.
void kill_child() {
  for (const auto& each : std::filesystem::directory_iterator("/proc")) {
    if (!std::isdigit(static_cast<unsigned char>(each.path().filename().string()[0]))) continue;
    std::ifstream file(each.path() / "stat");  // "PID (NAME) STATE PARENT ..."
    std::string text;
    std::getline(file, text);
    text.erase(0, text.rfind(')') + 1);
    char state = 0;
    int parent = 0;
    std::istringstream(text) >> state >> parent;
    if (parent != ::getpid()) continue;
    const int pid = std::stoi(each.path().filename());
    siginfo_t ended;
    REQUIRE(::kill(pid, SIGKILL) == 0);
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0);
    return;
  }
  FAIL("no process was started");
}

}  // namespace

TEST_CASE("every kind of fault for real processes fires, and the answers stay what they are") {
  temporary_folder folder;
  real_runner one({.program = TROUPE_PROGRAM, .device = "reference", .folder = folder.path() / "one"});
  real_runner two({.program = TROUPE_PROGRAM, .device = "reference", .folder = folder.path() / "two"});
  for (const fault_kind_info& each : fault_catalogue()) {
    if (!each.real || !each.recoverable) continue;
    fault_plan plan;
    plan.seed = 5;
    plan.work.tokens = 24;
    plan.work.nodes = is_damage(each.kind) ? 1 : 2;
    // Weights of the network that is built in are too small to be kept.
    if (is_of_caches(each.kind)) plan.work.model = TROUPE_SOURCE_DIR "/sample_apps/models/digits.onnx";
    plan.faults = {usual(each.kind, plan.work.nodes - 1, 8)};
    INFO(print_scenario(plan));
    const run_report report = need((is_damage(each.kind) ? one : two).run(plan));
    for (const violation& wrong : report.violations) CHECK(wrong.invariant + ": " + wrong.what == "");
    CHECK(report.answers == 24);
    const kind_count count = report.kinds.at(each.kind);
    CHECK(count.drawn == 1);
    CHECK(count.armed == 1);
    CHECK(count.fired == 1);
  }
}

TEST_CASE("a request that is cancelled ends alone") {
  real_runner runner({.program = TROUPE_PROGRAM, .device = "reference"});
  fault_plan plan;
  plan.work.requests = 2;
  plan.faults = {usual(fault_kind::c1_cancel, 0, 4)};
  const run_report report = need(runner.run(plan));
  CHECK(report.violations.empty());
  CHECK(report.answers >= 32);
  CHECK(report.answers < 64);
}

TEST_CASE("damage for which no bytes came has not happened, and does not happen later") {
  const auto nodes = need(cluster::start({.program = TROUPE_PROGRAM, .nodes = 1, .device = "reference"}));
  const auto proxy = need(wire::parse_address(nodes->addresses()[0]));
  const auto silent = need(wire::strangers::connect(proxy, 1));
  need(nodes->begin({usual(fault_kind::n9_cut, 0, 0), usual(fault_kind::n9_flip, 0, 0)}));
  nodes->at_token(0);
  const cluster_log happened = nodes->end();
  CHECK(happened.kinds.at(fault_kind::n9_cut) == kind_count{1, 1, 0});
  CHECK(happened.kinds.at(fault_kind::n9_flip) == kind_count{1, 1, 0});
  CHECK(happened.begun.empty());
}

TEST_CASE("a process that outlives a lack of memory may not end afterwards") {
  const auto nodes = need(cluster::start({.program = TROUPE_PROGRAM, .nodes = 1, .device = "reference"}));
  fault roomy = usual(fault_kind::p6_memory, 0, 0);
  roomy.parameter = info_of(roomy.kind).parameter_max;
  need(nodes->begin({roomy}));
  nodes->at_token(0);
  const cluster_log limited = nodes->end();
  CHECK(limited.kinds.at(roomy.kind).fired == 1);
  CHECK(limited.problems.empty());
  need(nodes->begin({}));
  kill_child();
  CHECK(nodes->end().problems.size() == 1);
}

TEST_CASE("a cluster refuses what it cannot do") {
  CHECK(cluster::start({.program = "/nonexistent", .nodes = 1}).error().code() == errc::unavailable);
  CHECK(cluster::start({.program = TROUPE_PROGRAM, .nodes = 0}).error().code() == errc::invalid_argument);
  const auto nodes = need(cluster::start({.program = TROUPE_PROGRAM, .nodes = 1, .device = "reference"}));
  CHECK(nodes->begin({usual(fault_kind::p1_kill, 1, 1)}).error().code() == errc::invalid_argument);  // node 1 of 1
  CHECK(nodes->begin({usual(fault_kind::g1_device_lost, 0, 1)}).error().code() == errc::unsupported);
  need(nodes->begin({}));
  CHECK(nodes->begin({}).error().code() == errc::unavailable);
  CHECK(nodes->end().kinds.empty());
}
