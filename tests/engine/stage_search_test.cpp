#include "planner/stage_search.hpp"

#include <limits>

#include "support/check.hpp"
#include "support/random_source.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

struct row_of_nodes {
  std::vector<stage_costs> costs;
  std::vector<std::uint64_t> piece_bytes{0};
  std::vector<const stage_costs*> pointers() const {
    std::vector<const stage_costs*> made;
    for (const stage_costs& each : costs) made.push_back(&each);
    return made;
  }
};

row_of_nodes random_row(random_source& random, std::size_t nodes, std::size_t pieces) {
  row_of_nodes made;
  std::vector<double> work, crossing;
  for (std::size_t i = 0; i < pieces; ++i) {
    work.push_back(1 + static_cast<double>(random.below(20)));
    made.piece_bytes.push_back(made.piece_bytes.back() + 1 + random.below(9));
  }
  for (std::size_t i = 0; i <= pieces; ++i) crossing.push_back(static_cast<double>(random.below(8)));
  for (std::size_t n = 0; n < nodes; ++n) {
    const double slowness = 1 + static_cast<double>(random.below(4)), link = static_cast<double>(random.below(3));
    stage_costs& node = made.costs.emplace_back();
    node.compute_s = {0};
    for (const double amount : work) node.compute_s.push_back(node.compute_s.back() + slowness * amount);
    node.run_s = static_cast<double>(random.below(3));
    for (const double bytes : crossing) {
      node.hop_s.push_back(link + link * bytes);
      node.hop_busy_s.push_back(link * bytes);
    }
    node.memory_bytes = 5 + random.below(60);
  }
  return made;
}

/// Every way there is, one node after the other.
double cheapest(const row_of_nodes& row, const stage_limits& limits, std::size_t node, std::size_t first) {
  const std::size_t pieces = row.piece_bytes.size() - 1;
  if (node == row.costs.size()) return first == pieces ? 0 : no_limit;
  double best = limits.use_all ? no_limit : cheapest(row, limits, node + 1, first);
  const stage_costs& on = row.costs[node];
  for (std::size_t last = first + 1; last <= pieces; ++last) {
    const double compute = on.compute_s[last] - on.compute_s[first] + on.run_s;
    if (compute > limits.stage_s || on.hop_busy_s[first] > limits.stage_s || on.hop_busy_s[last] > limits.stage_s ||
        row.piece_bytes[last] - row.piece_bytes[first] > on.memory_bytes)
      continue;
    best = std::min(
        best, compute + on.hop_s[first] + on.hop_s[last] - limits.stage_bonus + cheapest(row, limits, node + 1, last));
  }
  return best;
}

}  // namespace

TEST_CASE("the stages found are the best of all that are possible") {
  random_source random(71);
  for (int round = 0; round < 400; ++round) {
    const row_of_nodes row = random_row(random, 1 + random.below(4), 1 + random.below(7));
    const stage_limits limits{random.below(3) == 0 ? no_limit : 5 + static_cast<double>(random.below(120)),
                              static_cast<double>(random.below(40)), random.below(4) == 0};
    const auto found = search_stages(row.pointers(), row.piece_bytes, limits);
    const double expected = cheapest(row, limits, 0, 0);
    CAPTURE(round, expected);
    REQUIRE(found.has_value() == (expected < no_limit));
    if (!found) continue;
    CHECK(found->cost == Approx(expected));
    std::size_t next = 0;
    double cost = 0;
    for (const found_stage& stage : found->stages) {
      CHECK(stage.first == next);
      next = stage.last;
      const stage_costs& on = row.costs[stage.node];
      cost += on.compute_s[stage.last] - on.compute_s[stage.first] + on.run_s + on.hop_s[stage.first] +
              on.hop_s[stage.last] - limits.stage_bonus;
    }
    CHECK(next + 1 == row.piece_bytes.size());
    CHECK(cost == Approx(expected));
  }
}

TEST_CASE("the work of a search grows with nodes times pieces") {
  random_source random(72);
  for (const std::size_t nodes : {10, 100, 1000}) {
    const row_of_nodes row = random_row(random, nodes, 300);
    std::uint64_t steps = 0;
    (void)search_stages(row.pointers(), row.piece_bytes, {no_limit, 0, false}, &steps);
    CHECK(steps == nodes * 300);
  }
}
