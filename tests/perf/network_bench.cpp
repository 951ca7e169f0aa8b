// How fast a network runs on one device, by the engine alone: load, first result, and the spread of many runs, in wall
// time and in CPU time of this process (on software devices: what the device itself uses), with the numbers that tests
// lock. docs/performance.md tells how to read it.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "graph/arithmetic.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/specialize.hpp"

namespace {

using namespace troupe;
using milliseconds = std::chrono::duration<double, std::milli>;

double cpu_ms() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

double since_ms(time_point started) {
  return milliseconds(steady_clock::now() - started).count();
}

template <class T>
T need(result<T> outcome) {
  if (outcome) return std::move(outcome).value();
  fmt::print(stderr, "{}\n", outcome.error().to_string());
  std::exit(1);
}

std::vector<tensor> random_inputs(const graph& model) {
  std::mt19937_64 random(1);
  std::vector<tensor> made;
  for (const value_id id : model.inputs) {
    std::vector<std::int64_t> extents;
    for (const dimension& axis : model.values[id].dims.value()) extents.push_back(axis.extent < 0 ? 1 : axis.extent);
    tensor input = need(tensor::make(dtype::f32, need(shape::make(extents))));
    for (float& x : input.as_mutable<float>()) x = static_cast<float>(random() >> 40) * 0x1p-24f;
    made.push_back(need(convert(input, model.values[id].type)));
  }
  return made;
}

/// Multiplications and additions of convolutions and matrix products, at these shapes.
double operations_of(const graph& model, const operator_table& operators, const std::vector<tensor>& inputs) {
  const auto known = need(specialize(model, operators, inputs));
  double total = 0;
  for (const node& step : known.graph.nodes) total += 2 * static_cast<double>(multiply_adds(step, known.dims));
  return total;
}

void print_profile(const run_profile& taken) {
  std::map<std::string, std::pair<double, int>> by_kernel;
  for (const profiled_step& step : taken.steps) {
    auto& [ms, count] = by_kernel[step.kernel];
    ms += step.duration_us / 1e3;
    ++count;
    if (std::getenv("TROUPE_BENCH_STEPS"))
      fmt::print("    {:8.3f} ms  {:26} {}\n", step.duration_us / 1e3, step.kernel,
                 step.node < taken.nodes.size() ? taken.nodes[step.node].name : "");
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [name, entry] : by_kernel)
    order.emplace_back(entry.first, fmt::format("{} x {}", entry.second, name));
  std::sort(order.rbegin(), order.rend());
  for (const auto& [ms, text] : order) fmt::print("  {:8.3f} ms  {}\n", ms, text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} MODEL [RUNS [gpu|software]]\n", argv[0]);
    return 2;
  }
  const int runs = argc > 2 ? std::atoi(argv[2]) : 10;
  const std::string family = argc > 3 ? argv[3] : "";
  device_options options;
  if (family == "gpu") options.kernels = kernel_family::gpu;
  if (family == "software") options.kernels = kernel_family::software;
  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  graph model = need(import_onnx(argv[1]));
  if (const auto done = optimize(model, *operators); !done) return fmt::print("{}\n", done.error().to_string()), 1;
  const auto inputs = random_inputs(model);
  const double operations = operations_of(model, *operators, inputs);
  const auto part = std::make_shared<const graph>(std::move(model));

  const auto opened = need(open_device("", operators, options));
  const auto deadline = [] { return steady_clock::now() + std::chrono::minutes(10); };
  const double cpu_before = cpu_ms();
  const auto started = steady_clock::now();
  const auto loaded = need(opened->load(part));
  const double load_ms = since_ms(started);
  if (std::getenv("TROUPE_BENCH_FIRST")) print_profile(need(loaded->profile(inputs, deadline())));
  need(loaded->run(inputs, deadline()));
  const double first_ms = since_ms(started);
  const double first_cpu_ms = cpu_ms() - cpu_before;

  std::vector<double> wall, cpu;
  for (int i = 0; i < runs; ++i) {
    const double cpu_start = cpu_ms();
    const auto start = steady_clock::now();
    need(loaded->run(inputs, deadline()));
    wall.push_back(since_ms(start));
    cpu.push_back(cpu_ms() - cpu_start);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  const auto gflops = [&](double ms) { return operations / ms / 1e6; };
  const double half_cpu = cpu[cpu.size() / 2] / 2;
  const program_stats stats = loaded->stats();
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  fmt::print("{}: {:.2f} GFLOP on {}\n", argv[1], operations / 1e9, opened->info().driver);
  fmt::print("  wall: least {:.2f} ms ({:.1f} GFLOPS), median {:.2f} ms; CPU/2: median {:.2f} ms ({:.1f} GFLOPS)\n",
             wall[0], gflops(wall[0]), wall[wall.size() / 2], half_cpu, gflops(half_cpu));
  fmt::print("  load {:.0f} ms, first result {:.0f} ms (CPU {:.0f} ms), {} pipelines\n", load_ms, first_ms,
             first_cpu_ms, stats.pipelines);
  fmt::print(
      "  {} dispatches, {} barriers, {} host nodes; arena {:.1f} MB of {:.1f} MB, weights {:.1f} MB, peak {:.0f} MB\n",
      stats.dispatches, stats.barriers, stats.host_nodes, stats.arena_bytes / 1e6, stats.activation_bytes / 1e6,
      stats.weight_bytes / 1e6, used.ru_maxrss / 1e3);
  if (std::getenv("TROUPE_BENCH_PROFILE")) print_profile(need(loaded->profile(inputs, deadline())));
  return 0;
}
