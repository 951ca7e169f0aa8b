// The facade plans over real nodes of other systems in this process, reached over real links.
#include <thread>

#include "support/digits.hpp"
#include "troupe/system.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

troupe::system node_of(std::string name, double slowdown) {
  system_options made;
  made.name = std::move(name);
  made.device = "reference";
  made.allow_fault_injection = true;
  made.slowdown = slowdown;
  return need(troupe::system::make(made));
}

std::string address_of(troupe::system& node) {
  return "127.0.0.1:" + std::to_string(need(node.listen("127.0.0.1:0")));
}

}  // namespace

TEST_CASE("a model goes where the planner wants it, and computes the same bits there") {
  auto fast = node_of("fast", 1), slow = node_of("slow", 10);
  system_options options;
  options.device = "reference";
  options.nodes = {address_of(slow), address_of(fast)};
  auto host = need(troupe::system::make(options));

  load_options how;
  how.shards = 0;
  how.storage = dtype::f32;
  how.planning.only_nodes = true;
  how.planning.in_flight = 1;
  const placement_plan planned = need(host.plan(digits_network(), how));
  REQUIRE(planned.nodes.size() == 2);
  CHECK(planned.nodes[1].ability.operations_per_s > 2 * planned.nodes[0].ability.operations_per_s);
  REQUIRE(planned.parts.size() == 1);
  CHECK(planned.parts[0].node == 1);
  REQUIRE(planned.left_out.size() == 1);
  CHECK_FALSE(planned.left_out[0].why.empty());

  const tensor batch = digits_batch(3);
  const auto alone_on_reference = [&] {
    system_options alone;
    alone.device = "reference";
    auto one = need(troupe::system::make(alone));
    const model loaded = need(one.load(digits_network(), {.storage = dtype::f32}));
    return need(loaded.run(std::vector<tensor>{batch})).outputs.at(0);
  }();
  const model loaded = need(host.load(digits_network(), how));
  CHECK(need(loaded.placement()).at(0).node == "fast");
  CHECK(bitwise_equal(need(loaded.run(std::vector<tensor>{batch})).outputs.at(0), alone_on_reference));

  // The same with somebody's own cuts, over all three.
  placement_plan own = planned;
  own.nodes.clear();
  own.parts.assign(3, {});
  const std::size_t nodes[] = {2, 0, 1};
  for (std::size_t k = 0; k < 3; ++k) {
    own.parts[k].node = nodes[k];
    own.parts[k].first = k;
  }
  how.placement = own;
  const model cut = need(host.load(digits_network(), how));
  const auto where = need(cut.placement());
  REQUIRE(where.size() == 3);
  CHECK(where[0].node == "local");
  CHECK(where[1].node == "slow");
  CHECK(where[2].node == "fast");
  CHECK(bitwise_equal(need(cut.run(std::vector<tensor>{batch})).outputs.at(0), alone_on_reference));

  how.placement->parts[0].node = 3;
  CHECK(host.load(digits_network(), how).error().code() == errc::invalid_argument);
  how.placement->parts.clear();
  CHECK(host.load(digits_network(), how).error().code() == errc::invalid_argument);
}

TEST_CASE("a slowdown is fault injection") {
  system_options options;
  options.slowdown = 2;
  CHECK(troupe::system::make(options).error().code() == errc::invalid_argument);
  options.allow_fault_injection = true;
  options.slowdown = 0.5;
  CHECK(troupe::system::make(options).error().code() == errc::invalid_argument);
}

TEST_CASE("without other nodes the planner's choice is one part") {
  system_options options;
  options.device = "reference";
  auto host = need(troupe::system::make(options));
  const model loaded = need(host.load(digits_network(), {.shards = 0, .storage = dtype::f32}));
  CHECK(need(loaded.placement()).size() == 1);
}

TEST_CASE("a plan knows that compressed activations are smaller") {
  auto first = node_of("first", 1), second = node_of("second", 1);
  system_options options;
  options.device = "reference";
  options.nodes = {address_of(first), address_of(second)};
  auto host = need(troupe::system::make(options));
  load_options how;
  how.shards = 2;
  const placement_plan plain = need(host.plan(digits_network(), how));
  how.compress_activations = true;
  const placement_plan packed = need(host.plan(digits_network(), how));
  REQUIRE(plain.parts.size() == 2);
  REQUIRE(packed.parts.size() == 2);
  CHECK(packed.parts[0].bytes_in == plain.parts[0].bytes_in);
  CHECK(packed.parts[0].bytes_out < plain.parts[0].bytes_out * 6 / 10);
  CHECK(packed.parts[1].bytes_out == plain.parts[1].bytes_out);

  const tensor batch = digits_batch(3);
  const auto run = [&](const load_options& with) {
    return need(need(host.load(digits_network(), with)).run(std::vector<tensor>{batch})).outputs.at(0);
  };
  const tensor there = run(how);
  how.placement = packed;  // the same cut, in one process
  for (planned_part& part : how.placement->parts) part.node = 2;
  CHECK(bitwise_equal(run(how), there));
  for (const auto mode : {parallel_mode::tensor, parallel_mode::data}) {
    load_options wrong;
    wrong.parallel = mode;
    wrong.compress_activations = true;
    CHECK(host.load(digits_network(), wrong).error().code() == errc::invalid_argument);
  }
}
