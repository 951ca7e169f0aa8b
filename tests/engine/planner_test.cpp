#include "troupe/engine/planner.hpp"

#include <algorithm>
#include <cmath>

#include "support/check.hpp"
#include "support/random_source.hpp"
#include "troupe/engine/limits.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr double rate = 1e9;

/// `pieces` operators of a millisecond each on a node of speed 1, with `bytes` between them.
model_costs even_model(std::size_t pieces, std::uint64_t bytes = 1000) {
  model_costs made;
  for (std::size_t i = 0; i < pieces; ++i) {
    operator_cost each;
    each.operations = 1e-3 * rate;
    each.weight_bytes = each.read_bytes = 1 << 20;
    made.operators.push_back(each);
    made.cuts.push_back(i);
  }
  made.cut_bytes.assign(pieces + 1, bytes);
  made.activation_bytes = 2 * bytes;
  return made;
}

planning_node node_of(std::string name, double speed, link_ability link = {}) {
  return {std::move(name), {"device", "driver", std::uint64_t{64} << 30, speed * rate, speed * 1e15, 0, 0}, link};
}

std::vector<std::size_t> pieces_of(const placement_plan& plan) {
  std::vector<std::size_t> made(plan.nodes.size(), 0);
  for (const planned_part& part : plan.parts) made[part.node] += part.last - part.first;
  return made;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("nodes get pieces in proportion to their speed") {
  const auto plan = need(plan_pipeline(even_model(14), {node_of("slow", 1), node_of("middle", 2), node_of("fast", 4)}));
  CHECK(pieces_of(plan) == std::vector<std::size_t>{2, 4, 8});
  CHECK(plan.interval_s == Approx(2e-3));
  CHECK(plan.step_s == Approx(6e-3));
  CHECK(plan.left_out.empty());
  CHECK(plan.bytes_per_step == 0);
}

TEST_CASE("a node that would make steps longer is left out, with the reason, unless all are to be used") {
  const std::vector<planning_node> nodes{node_of("near", 4), node_of("far", 4, {0.5, 1e6})};
  const auto plan = need(plan_pipeline(even_model(12), nodes));
  CHECK(pieces_of(plan) == std::vector<std::size_t>{12, 0});
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].node == 1);
  CHECK(contains(plan.left_out[0].why, "link add 502.00 ms"));
  CHECK(contains(plan.left_out[0].why, "would save 1.50 ms"));

  const auto forced = need(plan_pipeline(even_model(12), nodes, {.use_all = true}));
  CHECK(pieces_of(forced)[1] >= 1);
  CHECK(forced.interval_s > plan.interval_s);
}

TEST_CASE("a node a hundred times as slow as the others gets nothing") {
  const auto plan = need(plan_pipeline(even_model(12), {node_of("a", 4), node_of("b", 4), node_of("snail", 0.04)}));
  CHECK(pieces_of(plan) == std::vector<std::size_t>{6, 6, 0});
  CHECK(contains(plan.left_out.at(0).why, "no cut"));
}

TEST_CASE("with one request under way a further part is only a hop") {
  const std::vector<planning_node> nodes{node_of("a", 2, {1e-4, 1e9}), node_of("b", 4, {1e-4, 1e9})};
  const auto plan = need(plan_pipeline(even_model(12), nodes, {.in_flight = 1}));
  CHECK(pieces_of(plan) == std::vector<std::size_t>{0, 12});
  CHECK(plan.interval_s == Approx(plan.step_s));
  CHECK(contains(plan.left_out.at(0).why, "one request"));
}

TEST_CASE("memory decides where speed would not, and what does not fit at all is an error") {
  std::vector<planning_node> nodes{node_of("fast", 100), node_of("slow", 1)};
  nodes[0].ability.memory_bytes = (std::uint64_t{5} << 20) + 2000;
  const auto plan = need(plan_pipeline(even_model(8), nodes));
  CHECK(pieces_of(plan) == std::vector<std::size_t>{5, 3});
  for (const planned_part& part : plan.parts) CHECK(part.memory_bytes <= plan.nodes[part.node].ability.memory_bytes);

  nodes[1].ability.memory_bytes = std::uint64_t{2} << 20;
  const auto refused = plan_pipeline(even_model(8), nodes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::out_of_memory);
  CHECK(contains(refused.error().to_string(), "8 MB"));
}

TEST_CASE("a cut goes where few bytes cross when the link is slow") {
  model_costs costs = even_model(10, 1'000'000);
  costs.cut_bytes[0] = costs.cut_bytes[10] = 10;
  costs.cut_bytes[4] = 1000;
  const auto plan = need(plan_pipeline(costs, {node_of("a", 1, {1e-4, 1e7}), node_of("b", 1, {1e-4, 1e7})}));
  REQUIRE(plan.parts.size() == 2);
  CHECK(plan.parts[1].first == 4);
  CHECK(plan.bytes_per_step == 10 + 1000 + 10);
}

TEST_CASE("the plan is within its tolerance of the best of all cuts") {
  random_source random(73);
  for (int round = 0; round < 60; ++round) {
    model_costs costs = even_model(8);
    for (operator_cost& each : costs.operators) each.operations = (1 + static_cast<double>(random.below(30))) * 1e5;
    for (std::uint64_t& bytes : costs.cut_bytes) bytes = 1 + random.below(4000);
    std::vector<planning_node> nodes;
    for (const char* name : {"a", "b", "c"})
      nodes.push_back(node_of(name, 1 + static_cast<double>(random.below(4)),
                              {1e-5 * static_cast<double>(random.below(100)), 1e6}));
    const auto plan = need(plan_pipeline(costs, nodes));

    double best = 1e9;
    const auto consider = [&](const std::vector<std::size_t>& where, const std::vector<std::size_t>& first) {
      best = std::min(best, need(predict_pipeline(costs, nodes, where, first)).interval_s);
    };
    std::vector<std::size_t> order{0, 1, 2};
    do {
      consider({order[0]}, {0});
      for (std::size_t i = 1; i < 8; ++i) {
        consider({order[0], order[1]}, {0, i});
        for (std::size_t j = i + 1; j < 8; ++j) consider(order, {0, i, j});
      }
    } while (std::next_permutation(order.begin(), order.end()));
    CAPTURE(round);
    CHECK(plan.interval_s >= best * 0.999);
    CHECK(plan.interval_s <= best * 1.02001);
  }
}

TEST_CASE("a thousand nodes are planned with as many as there may be parts") {
  std::vector<planning_node> nodes;
  random_source random(74);
  for (int i = 0; i < 1000; ++i)
    nodes.push_back(node_of("node", 1 + static_cast<double>(random.below(9)), {1e-5, 1e9}));
  const auto plan = need(plan_pipeline(even_model(400), nodes));
  CHECK(plan.parts.size() <= limits::shards_max);
  CHECK(plan.parts.size() > 20);
  CHECK(plan.parts.size() + plan.left_out.size() == 1000);
  CHECK_FALSE(plan_pipeline(even_model(400), nodes, {.use_all = true}));
}

TEST_CASE("a node that cannot be used is left out with its reason, and others are planned with as before") {
  planning_node lost = node_of("lost", 0);  // nothing is known of it
  lost.unusable = "it does not answer";
  const auto without = need(plan_pipeline(even_model(12), {node_of("slow", 1), node_of("fast", 2)}));
  const auto with = need(plan_pipeline(even_model(12), {node_of("slow", 1), lost, node_of("fast", 2)}));
  CHECK(with.interval_s == without.interval_s);
  CHECK(pieces_of(with) == std::vector<std::size_t>{4, 0, 8});
  REQUIRE(with.left_out.size() == 1);
  CHECK(with.left_out[0].node == 1);
  CHECK(with.left_out[0].why == "it does not answer");
  const auto shared = need(plan_replicas(even_model(12), {lost, node_of("fast", 2)}));
  REQUIRE(shared.parts.size() == 1);
  CHECK(shared.parts[0].node == 1);
  CHECK(shared.left_out[0].why == "it does not answer");
  CHECK(speed_shares(even_model(12), {lost, node_of("fast", 2)}) == std::vector<double>{0, 1});
  for (const bool all : {false, true}) {
    const auto none = plan_pipeline(even_model(12), {lost}, {0, all});
    REQUIRE_FALSE(none);
    CHECK(none.error().code() == errc::unavailable);
    CHECK(contains(none.error().message(), "it does not answer"));
  }
}

TEST_CASE("replicas share a batch so that all end together") {
  model_costs costs = even_model(4);
  costs.rows = 64;
  for (operator_cost& each : costs.operators) each.read_bytes = 0;
  const auto plan = need(plan_replicas(costs, {node_of("a", 1), node_of("b", 3)}));
  REQUIRE(plan.parts.size() == 2);
  CHECK(plan.parts[0].share == Approx(0.25));
  CHECK(plan.parts[1].share == Approx(0.75));
  CHECK(plan.step_s == Approx(1e-3));

  // 4 ms of computing in all are not worth a round trip of a second.
  const auto alone = need(plan_replicas(costs, {node_of("a", 1), node_of("far", 8, {1, 1e9})}));
  REQUIRE(alone.parts.size() == 1);
  CHECK(alone.parts[0].node == 0);
  CHECK(contains(alone.left_out.at(0).why, "before it could begin"));
  CHECK(need(plan_replicas(costs, {node_of("a", 1), node_of("far", 8, {1, 1e9})}, {.use_all = true})).parts.size() ==
        2);
}

TEST_CASE("a replica that does not fit is left out") {
  std::vector<planning_node> nodes{node_of("small", 9), node_of("large", 1)};
  nodes[0].ability.memory_bytes = 1 << 20;
  const auto plan = need(plan_replicas(even_model(4), nodes));
  REQUIRE(plan.parts.size() == 1);
  CHECK(plan.parts[0].node == 1);
  nodes[1].ability.memory_bytes = 1 << 20;
  CHECK(plan_replicas(even_model(4), nodes).error().code() == errc::out_of_memory);
}

TEST_CASE("slices are as large as their nodes are fast") {
  const auto shares = speed_shares(even_model(3), {node_of("a", 1), node_of("b", 2), node_of("c", 5)});
  CHECK(shares[0] == Approx(0.125));
  CHECK(shares[2] == Approx(0.625));
}

TEST_CASE("a measured time corrects what a node is expected to do") {
  const model_costs costs = even_model(12);
  const std::vector<planning_node> equal{node_of("a", 1), node_of("b", 1)};
  const auto first = need(plan_pipeline(costs, equal));
  CHECK(pieces_of(first) == std::vector<std::size_t>{6, 6});
  std::vector<planning_node> known = equal;
  known[1].ability = corrected(known[1].ability, 6e-3, 12e-3);
  CHECK(pieces_of(need(plan_pipeline(costs, known))) == std::vector<std::size_t>{8, 4});
  CHECK(corrected(equal[0].ability, 0, 1) == equal[0].ability);
  CHECK(corrected(equal[0].ability, 1, std::nan("")) == equal[0].ability);
  CHECK(corrected(equal[0].ability, 1, 1e9).operations_per_s == Approx(rate / 64));
}

TEST_CASE("claims that make no sense are refused") {
  auto broken = node_of("liar", 1);
  broken.ability.operations_per_s = 0;
  CHECK_FALSE(plan_pipeline(even_model(2), {broken}));
  broken = node_of("liar", 1);
  broken.ability.dispatch_s = -1;
  CHECK_FALSE(plan_pipeline(even_model(2), {broken}));
  CHECK_FALSE(plan_pipeline(even_model(2), {node_of("liar", 1, {-1, 1})}));
  CHECK_FALSE(plan_pipeline(even_model(2), {node_of("liar", 1, {0, std::nan("")})}));
  CHECK_FALSE(plan_pipeline(even_model(2), {}));
  CHECK_FALSE(plan_pipeline(model_costs(), {node_of("a", 1)}));
  CHECK_FALSE(plan_replicas(even_model(2), {}));
  CHECK_FALSE(predict_pipeline(even_model(2), {node_of("a", 1)}, {0, 1}, {0, 1}));
  CHECK_FALSE(predict_pipeline(even_model(2), {node_of("a", 1)}, {0}, {1}));
}
