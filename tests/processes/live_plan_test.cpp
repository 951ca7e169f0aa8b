// Real `troupe node` processes, one of which is much slower than the others: work goes elsewhere while requests run.
#include <csignal>
#include <thread>

#include "node_processes.hpp"
#include "support/digits.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 120s;

sample::node_process start_slow_node(const std::string& name, int slower) {
  return need(sample::node_process::start(TROUPE_PROGRAM, name, "reference", "127.0.0.1:0",
                                          {"--allow-fault-injection", "--slow", std::to_string(slower)}));
}

std::size_t parts_on(const model& loaded, const std::string& name) {
  std::size_t count = 0;
  for (const part_placement& place : need(loaded.placement())) count += place.node == name;
  return count;
}

/// Runs a batch until `done`; every answer must have the same bits.
template <class Done>
bool run_until(const model& loaded, const tensor& batch, const tensor& want, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 4; ++i) {
      const auto answer = need(loaded.run(std::vector<tensor>{batch}));
      CHECK(bitwise_equal(answer.outputs[0], want));
    }
    if (done()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("parts move away from a slow node while requests run, and all answers are equal") {
  auto slow = start_slow_node("slow", 12);
  auto fast = start_slow_node("fast", 1);
  system_options options = over({slow.address(), fast.address()});
  options.device = "reference";
  auto host = need(troupe::system::make(options));
  const model loaded = need(host.load(digits_network(), {.shards = 2, .storage = dtype::f32}));
  CHECK(parts_on(loaded, "slow") == 1);
  const tensor batch = digits_batch(8);
  const tensor want = need(loaded.run(std::vector<tensor>{batch})).outputs[0];
  CHECK(run_until(loaded, batch, want, [&] { return parts_on(loaded, "slow") == 0; }));
  CHECK(parts_on(loaded, "fast") == 2);
}

TEST_CASE("a node that does not answer is left out of the plan, with the reason, and the model is loaded") {
  auto stuck = start_slow_node("stuck", 1);
  auto fine = start_slow_node("fine", 1);
  system_options options = over({stuck.address(), fine.address()});
  options.device = "reference";
  auto host = need(troupe::system::make(options));
  REQUIRE(kill(stuck.pid(), SIGSTOP) == 0);
  load_options how;
  how.shards = 0;
  how.planning.only_nodes = true;
  const placement_plan planned = need(host.plan(digits_network(), how));
  if (planned.nodes.size() == 2) {  // else its link was given up before it could be asked
    REQUIRE(planned.left_out.size() == 1);
    CHECK(planned.left_out[0].node == 0);
    CHECK(planned.left_out[0].why.find("it was asked how fast it is") != std::string::npos);
  }
  const model loaded = need(host.load(digits_network(), how));
  CHECK(parts_on(loaded, "fine") == need(loaded.placement()).size());
  stuck.kill();
}
