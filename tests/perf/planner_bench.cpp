// The planner against every cut there is: three node processes of speeds 4 : 2 : 1 run a small convolutional network.
// The planned cut is measured, then every other cut over the same nodes in the same order and over fewer of them; the
// best of those are measured again, in turns with the plan. A fourth node, a hundred times slower than its device, has to be left out.
//
//   LP_NUM_THREADS=1 troupe_planner_bench --runs 24
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "in_flight.hpp"
#include "node_process.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/troupe.hpp"

namespace {

using namespace troupe;
using sample::node_process;

template <class T>
T need(result<T> outcome) {
  if (outcome) return std::move(outcome).value();
  fmt::print(stderr, "{}\n", outcome.error().to_string());
  std::exit(EXIT_FAILURE);
}

constexpr std::int64_t extent = 40;
constexpr std::size_t contenders = 5;  ///< measured again

/// Twelve convolutions of uneven size.
graph network() {
  graph made;
  made.name = "uneven";
  constexpr std::int64_t channels[] = {16, 24, 48, 32, 64, 32, 16, 48, 48, 24, 64, 32, 16};
  value_id at = made.add_value(
      {"x", dtype::f32, true, std::vector<dimension>{{1, ""}, {channels[0], ""}, {extent, ""}, {extent, ""}}});
  made.inputs = {at};
  for (std::size_t i = 0; i + 1 < std::size(channels); ++i) {
    tensor weight = need(tensor::make(dtype::f32, {channels[i + 1], channels[i], 3, 3}));
    std::uint32_t state = 1;
    for (float& element : weight.as_mutable<float>())
      element = (static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f - 0.5f) * 0.1f;
    node step;
    step.op = "Conv";
    step.version = 13;
    step.name = fmt::format("conv {}", i);
    step.inputs = {at, made.add_constant(fmt::format("w{}", i), std::move(weight))};
    step.attributes = {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
    at = made.add_value({fmt::format("y{}", i), dtype::f32, false, std::nullopt});
    step.outputs = {at};
    made.nodes.push_back(std::move(step));
  }
  made.outputs = {at};
  return made;
}

/// Seconds between results with one request more under way than there are parts.
double interval_of(const model& loaded, const tensor& input, std::size_t parts, std::size_t runs) {
  const auto send = [&](std::size_t count) {
    sample::in_flight under_way(loaded, {}, parts + 1);
    for (std::size_t i = 0; i < count; ++i) under_way.push({input});
    need(under_way.finish());
  };
  send(parts + 1);
  const auto started = steady_clock::now();
  send(runs);
  return std::chrono::duration<double>(steady_clock::now() - started).count() / static_cast<double>(runs);
}

struct cut {
  std::vector<std::size_t> where, first;
  double interval_s = 0;
};

std::string text_of(const cut& each) {
  std::string text;
  for (std::size_t k = 0; k < each.first.size(); ++k)
    text += fmt::format("{}{} from {}", k ? ", " : "", each.where[k], each.first[k]);
  return text;
}

/// All ways to give consecutive pieces to nodes of `order`, each one part or none.
void add_cuts(const std::vector<std::size_t>& order, std::size_t next, std::size_t pieces, cut so_far,
              std::vector<cut>& all) {
  if (!so_far.first.empty()) all.push_back(so_far);
  for (std::size_t node = next; node < order.size(); ++node) {
    const std::size_t begin = so_far.first.empty() ? 0 : so_far.first.back() + 1;
    const std::size_t end = so_far.first.empty() ? 1 : pieces;
    for (std::size_t first = begin; first < end; ++first) {
      cut longer = so_far;
      longer.where.push_back(order[node]);
      longer.first.push_back(first);
      add_cuts(order, node + 1, pieces, std::move(longer), all);
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("The planner against every cut there is");
  std::size_t runs = 24, rounds = 5;
  double slowest = 16;
  std::string device, state = (std::filesystem::temp_directory_path() / "troupe-planner-bench").string();
  app.add_option("--runs", runs, "Requests for each cut")->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds for the best cuts")->capture_default_str();
  app.add_option("--slow", slowest, "How many times slower than its device the slowest node is")->capture_default_str();
  app.add_option("--device", device, "Of the nodes");
  app.add_option("--state", state, "Where nodes keep what they measured")->capture_default_str();
  CLI11_PARSE(app, count, arguments);

  std::vector<node_process> nodes;
  system_options options;
  options.device = device;
  for (const double slow : {slowest / 4, slowest / 2, slowest, 100.0}) {
    nodes.push_back(
        need(node_process::start(TROUPE_PROGRAM, fmt::format("slow {}", slow), device, "127.0.0.1:0",
                                 {"--allow-fault-injection", "--slow", fmt::format("{}", slow), "--state", state})));
    options.nodes.push_back(nodes.back().address());
  }
  auto host = need(troupe::system::make(options));
  const graph model_graph = network();
  load_options how;
  how.shards = 0;
  how.planning.only_nodes = true;
  const placement_plan plan = need(host.plan(model_graph, how));
  for (const planning_node& node : plan.nodes)
    fmt::print("{}: {:.2f} G operations/s, {:.2f} GB/s, {:.3f} ms a run, link {:.3f} ms, {:.0f} MB/s\n", node.name,
               node.ability.operations_per_s * 1e-9, node.ability.bytes_per_s * 1e-9, node.ability.run_s * 1e3,
               node.link.round_trip_s * 1e3, node.link.bytes_per_s * 1e-6);
  for (const left_out_node& left : plan.left_out) fmt::print("left out: node {}: {}\n", left.node, left.why);

  const auto operators = builtin_operators();
  graph ready = model_graph;
  if (auto done = optimize(ready, operators); !done) need(result<int>(done.error()));
  const model_costs costs = need(predict_costs(ready, operators));
  const tensor input = need(tensor::make(dtype::f32, {1, 16, extent, extent}));
  const auto measure = [&](const cut& each) {
    how.placement = need(predict_pipeline(costs, plan.nodes, each.where, each.first));
    const model loaded = need(host.load(model_graph, how));
    return interval_of(loaded, input, each.first.size(), runs);
  };

  cut planned;
  std::vector<std::size_t> order;
  for (const planned_part& part : plan.parts) {
    planned.where.push_back(part.node);
    planned.first.push_back(part.first);
    order.push_back(part.node);
  }
  planned.interval_s = measure(planned);
  fmt::print("planned: {}: predicted {:.3f} ms, measured {:.3f} ms between results (measured / predicted {:.2f})\n",
             text_of(planned), plan.interval_s * 1e3, planned.interval_s * 1e3, planned.interval_s / plan.interval_s);

  std::vector<cut> all;
  add_cuts(order, 0, costs.pieces(), {}, all);
  std::vector<double> errors;
  for (cut& each : all) {
    each.interval_s = measure(each);
    errors.push_back(each.interval_s / how.placement->interval_s);
  }
  std::sort(all.begin(), all.end(), [](const cut& a, const cut& b) { return a.interval_s < b.interval_s; });
  all.resize(std::min(all.size(), contenders));
  fmt::print("{} cuts: measured / predicted: median {:.2f}, from {:.2f} to {:.2f}\n", errors.size(), median(errors),
             *std::min_element(errors.begin(), errors.end()), *std::max_element(errors.begin(), errors.end()));

  std::vector<double> of_plan;
  std::vector<std::vector<double>> of_best(all.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    of_plan.push_back(measure(planned));
    for (std::size_t i = 0; i < all.size(); ++i) of_best[i].push_back(measure(all[i]));
  }
  double best = 1e9;
  for (std::size_t i = 0; i < all.size(); ++i) {
    fmt::print("best {}: {}: {:.3f} ms\n", i + 1, text_of(all[i]), median(of_best[i]) * 1e3);
    best = std::min(best, median(of_best[i]));
  }
  fmt::print("plan: {:.3f} ms; throughput of the plan / of the best cut: {:.3f}\n", median(of_plan) * 1e3,
             best / median(of_plan));
  return EXIT_SUCCESS;
}
