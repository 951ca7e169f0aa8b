// How long planning takes as nodes and pieces grow: time over n log n should not rise.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/planner.hpp"

namespace {

using namespace troupe;

model_costs model_of(std::size_t pieces) {
  model_costs made;
  std::minstd_rand random(1);
  for (std::size_t i = 0; i < pieces; ++i) {
    operator_cost each;
    each.operations = 1e6 * static_cast<double>(1 + random() % 20);
    each.weight_bytes = each.read_bytes = 1 << 20;
    each.dispatches = 1;
    made.operators.push_back(each);
    made.cuts.push_back(i);
  }
  made.cut_bytes.assign(pieces + 1, 10'000);
  made.activation_bytes = 20'000;
  return made;
}

std::vector<planning_node> nodes_of(std::size_t count) {
  std::vector<planning_node> made;
  std::minstd_rand random(2);
  for (std::size_t i = 0; i < count; ++i) {
    const double speed = static_cast<double>(1 + random() % 8);
    made.push_back({fmt::format("node {}", i),
                    {"device", "driver", std::uint64_t{1} << 34, speed * 1e10, speed * 1e9, 1e-5, 1e-4},
                    {1e-4 * static_cast<double>(1 + random() % 9), 1e9}});
  }
  return made;
}

}  // namespace

int main() {
  fmt::print("| nodes | pieces | parts | left out | seconds | ns / (nodes log2 nodes) |\n|---|---|---|---|---|---|\n");
  for (const std::size_t pieces : {100, 1000})
    for (const std::size_t count : {10, 30, 100, 300, 1000, 3000}) {
      const model_costs costs = model_of(pieces);
      const auto nodes = nodes_of(count);
      const auto started = steady_clock::now();
      const auto plan = plan_pipeline(costs, nodes);
      const double taken = std::chrono::duration<double>(steady_clock::now() - started).count();
      if (!plan) {
        fmt::print(stderr, "{}\n", plan.error().to_string());
        return EXIT_FAILURE;
      }
      const auto n = static_cast<double>(count);
      fmt::print("| {} | {} | {} | {} | {:.3f} | {:.0f} |\n", count, pieces, plan->parts.size(), plan->left_out.size(),
                 taken, taken * 1e9 / (n * std::log2(n)));
    }
  return EXIT_SUCCESS;
}
