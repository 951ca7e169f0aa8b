// Single kernels beside the limits of the machine, measured in the same run: how much of them does a kernel reach? Each
// kernel is measured as the difference between a long and a short chain of the same node, so that copies to and from
// the device and the cost of a run cancel out. CPU time is divided by the threads of a software device: what a quiet
// machine would take. docs/performance.md tells how to read it.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "troupe/engine/block_format.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/roofline.hpp"

namespace {

using namespace troupe;

template <class T>
T need(result<T> outcome) {
  if (outcome) return std::move(outcome).value();
  fmt::print(stderr, "{}\n", outcome.error().to_string());
  std::exit(1);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

tensor random_halves(const shape& dims, double scale) {
  tensor made = need(tensor::make(dtype::f16, dims));
  std::minstd_rand random(1);
  std::vector<float16> values;  // drawn from few: a large matrix is made in no time
  for (int i = 0; i < 4093; ++i)
    values.push_back(to_float16(static_cast<float>(scale * (2.0 * random() / std::minstd_rand::max() - 1))));
  std::size_t i = 0;
  for (float16& element : made.as_mutable<float16>()) element = values[i++ % values.size()];
  return made;
}

/// A weight of `rows` rows of `inner` elements in a block format: codes of a few patterns, values of size 1 / 16 or so.
tensor random_blocks(block_format format, std::int64_t rows, std::int64_t inner) {
  const block_size size = size_of(format);
  const auto row = static_cast<std::int64_t>(need(row_bytes(format, static_cast<std::size_t>(inner))));
  tensor made = need(tensor::make(dtype::u8, {rows, row}));
  std::minstd_rand random(1);
  std::vector<std::byte> blocks(size.bytes * 251);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    // The scales of all formats here are binary16 in the first four bytes of a block, or the whole block.
    const std::size_t within = i % size.bytes;
    const bool is_scale = size.elements == 1 || within < (format == block_format::q4_k ? 4u : 2u);
    blocks[i] = static_cast<std::byte>(!is_scale ? random() % 256 : within % 2 == 0 ? random() % 256 : 0x18);
  }
  const auto bytes = made.mutable_bytes();
  for (std::size_t at = 0; at < bytes.size(); at += blocks.size())
    std::copy_n(blocks.begin(), std::min(blocks.size(), bytes.size() - at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return made;
}

/// A chain of nodes, each of which takes what the one before gives; `links` lists their constant operands in turn.
struct chain {
  std::string name;
  node step;
  shape input;
  std::vector<std::vector<tensor>> links;
  double operations = 0, bytes = 0;    ///< of one node
  std::vector<std::int64_t> inners{};  ///< for Linear: elements of a row, by link
  std::size_t longer = 6;              ///< nodes of the long chain beyond those of the short one
};

graph graph_of(const chain& given, std::size_t nodes) {
  graph made;
  value_id value = made.add_value({"x", dtype::f16, true, std::nullopt});
  made.inputs.push_back(value);
  std::vector<std::vector<value_id>> constants;
  for (const auto& link : given.links) {
    auto& ids = constants.emplace_back();
    for (const tensor& data : link)
      ids.push_back(!data.storage() ? no_value
                                    : made.add_constant(fmt::format("c{}_{}", constants.size(), ids.size()), data));
  }
  for (std::size_t i = 0; i < nodes; ++i) {
    node step = given.step;
    step.inputs = {value};
    if (step.op == "Linear") step.attributes["columns"] = given.inners[i % given.inners.size()];
    if (!constants.empty()) {
      const auto& ids = constants[i % constants.size()];
      step.inputs.insert(step.inputs.end(), ids.begin(), ids.end());
    }
    value = made.add_value({fmt::format("y{}", i), dtype::f32, false, std::nullopt});
    step.outputs = {value};
    made.nodes.push_back(std::move(step));
  }
  made.outputs.push_back(value);
  return made;
}

struct timing {
  double wall = 0, cpu = 0;  ///< seconds: the least, and the median
};

timing time_of(device& where, const chain& given, std::size_t nodes, int runs) {
  const auto loaded = need(where.load(std::make_shared<const graph>(graph_of(given, nodes))));
  const std::vector<tensor> inputs{random_halves(given.input, 1)};
  const auto once = [&] { need(loaded->run(inputs, steady_clock::now() + std::chrono::minutes(5))); };
  once();
  std::vector<double> wall, cpu;
  for (int i = 0; i < runs; ++i) {
    const double cpu_before = cpu_seconds();
    const auto started = steady_clock::now();
    once();
    wall.push_back(std::chrono::duration<double>(steady_clock::now() - started).count());
    cpu.push_back(cpu_seconds() - cpu_before);
  }
  std::sort(cpu.begin(), cpu.end());
  return {*std::min_element(wall.begin(), wall.end()), cpu[cpu.size() / 2]};
}

/// Products with weights in a block format: one row, and the rows of a prompt.
void add_linear_chains(std::vector<chain>& made, block_format format) {
  const auto add = [&](std::string_view name, std::int64_t rows, std::int64_t inner, std::int64_t columns) {
    const auto link = [&](std::int64_t from, std::int64_t to) {
      return std::vector<tensor>{tensor(), random_blocks(format, to, from)};
    };
    const double pairs = static_cast<double>(inner) * static_cast<double>(columns);
    const block_size size = size_of(format);
    made.push_back(
        {.name = fmt::format("{} {}", name, to_string(format)),
         .step = {.op = "Linear",
                  .domain = "troupe",
                  .name = "linear",
                  .version = 1,
                  .attributes = {{"formats", std::vector<std::string>{std::string(to_string(format))}}}},
         .input = {rows, inner},
         .links = {link(inner, columns), link(columns, inner)},
         .operations = 2 * pairs * static_cast<double>(rows),

         .bytes = rows > 1 ? 0 : pairs * static_cast<double>(size.bytes) / static_cast<double>(size.elements),
         .inners = {inner, columns}});
  };
  add("linear 1 x 4096 x 14336", 1, 4096, 14336);
  add("linear 128 x 2048 x 5632", 128, 2048, 5632);
}

std::vector<chain> chains() {
  const auto weights = [](std::int64_t inner, std::int64_t columns, bool transposed) {
    return random_halves(transposed ? shape{columns, inner} : shape{inner, columns},
                         std::sqrt(3.0 / static_cast<double>(inner)));
  };
  node gemm{.op = "Gemm", .name = "gemm", .version = 13, .attributes = {{"transB", std::int64_t{1}}}};
  node matmul{.op = "MatMul", .name = "matmul", .version = 13};
  node conv{
      .op = "Conv", .name = "conv", .version = 13, .attributes = {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}};
  const double pairs = 4096.0 * 14336;
  std::vector<chain> made{{.name = "mat-vec 4096 x 14336",
                           .step = gemm,
                           .input = {1, 4096},
                           .links = {{weights(4096, 14336, true)}, {weights(14336, 4096, true)}},
                           .operations = 2 * pairs,
                           .bytes = 2 * pairs},
                          {.name = "GEMM 512 x 4096 x 4096",
                           .step = matmul,
                           .input = {512, 4096},
                           .links = {{weights(4096, 4096, false)}},
                           .operations = 2.0 * 512 * 4096 * 4096,
                           .bytes = 2.0 * 4096 * 4096,
                           .longer = 2},
                          {.name = "GEMM 128 x 2048 x 5632",
                           .step = matmul,
                           .input = {128, 2048},
                           .links = {{weights(2048, 5632, false)}, {weights(5632, 2048, false)}},
                           .operations = 2.0 * 128 * 2048 * 5632,
                           .bytes = 2.0 * 2048 * 5632},
                          {.name = "softmax 512 x 4096",
                           .step = {.op = "Softmax", .name = "softmax", .version = 13},
                           .input = {512, 4096},
                           .links = {},
                           .operations = 0,
                           .bytes = 4.0 * 512 * 4096},
                          {.name = "rms norm 512 x 4096",
                           .step = {.op = "RMSNormalization", .name = "norm", .version = 23},
                           .input = {512, 4096},
                           .links = {{random_halves({4096}, 1)}},
                           .operations = 0,
                           .bytes = 4.0 * 512 * 4096},
                          {.name = "conv 3x3 64 -> 64, 56 x 56",
                           .step = conv,
                           .input = {1, 64, 56, 56},
                           .links = {{random_halves({64, 64, 3, 3}, 1.0 / 14)}},
                           .operations = 2.0 * 64 * 64 * 9 * 56 * 56,
                           .bytes = 0,
                           .longer = 24}};
  for (const block_format format : {block_format::f16, block_format::q8_0, block_format::q4_0, block_format::q4_k})
    add_linear_chains(made, format);
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times single kernels beside the limits of the machine");
  std::string device_name, family, only;
  int runs = 7;
  bool json = false;
  app.add_option("--device", device_name, "as for troupe run");
  app.add_option("--family", family,
                 "kernels for \"software\" devices, a \"gpu\", or one with \"cooperative\" matrices");
  app.add_option("--only", only, "kernels whose name has this in it");
  app.add_option("--runs", runs, "of each chain")->check(CLI::Range(1, 1000));
  app.add_flag("--json", json);
  CLI11_PARSE(app, argc, argv);
  device_options options;
  if (family == "cooperative") options.kernels = kernel_family::cooperative;
  if (family == "gpu") options.kernels = kernel_family::gpu;
  if (family == "software") options.kernels = kernel_family::software;

  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  const auto opened = need(open_device(device_name, operators, options));
  const roofline limits = need(measure_roofline(device_name, options));
  const unsigned threads = std::max(1u, limits.threads);
  if (!json)
    fmt::print("{}, {}\nlimits: reads {:.1f} GB/s, {:.0f} GFLOPS\n{:28} {:>9} {:>9} {:>8} {:>7} {:>7} {:>8}\n",
               opened->info().name, opened->info().driver, limits.read_bytes_per_s / 1e9, limits.operations_per_s / 1e9,
               "kernel", "wall ms", "CPU ms", "GFLOPS", "GB/s", "of ops", "of reads");
  std::string entries;
  for (const chain& given : chains()) {
    if (given.name.find(only) == std::string::npos || !operators->find(given.step)) continue;
    const timing few = time_of(*opened, given, 2, runs);
    const timing many = time_of(*opened, given, 2 + given.longer, runs);
    const auto nodes = static_cast<double>(given.longer);
    const double wall = (many.wall - few.wall) / nodes;
    // A GPU's time is not CPU time.
    const double cpu = limits.threads > 0 ? (many.cpu - few.cpu) / nodes / threads : wall;
    const double operations = given.operations / cpu, bytes = given.bytes / cpu;
    const double of_operations = operations / limits.operations_per_s, of_reads = bytes / limits.read_bytes_per_s;
    if (!json)
      fmt::print("{:28} {:9.3f} {:9.3f} {:8.1f} {:7.2f} {:6.0f}% {:7.0f}%\n", given.name, 1e3 * wall, 1e3 * cpu,
                 operations / 1e9, bytes / 1e9, 100 * of_operations, 100 * of_reads);
    std::fflush(stdout);
    entries += fmt::format(
        "{}{{\"kernel\":\"{}\",\"wall_ms\":{:.4f},\"cpu_ms\":{:.4f},\"gflops\":{:.2f},\"gb_per_s\":{:.3f},"
        "\"of_operations\":{:.4f},\"of_reads\":{:.4f}}}",
        entries.empty() ? "" : ",", given.name, 1e3 * wall, 1e3 * cpu, operations / 1e9, bytes / 1e9, of_operations,
        of_reads);
  }
  if (json)
    fmt::print(
        "{{\"device\":\"{}\",\"driver\":\"{}\",\"read_gb_per_s\":{:.2f},\"gflops\":{:.1f},\"threads\":{},\"kernels\":[{"
        "}]}}\n",
        opened->info().name, opened->info().driver, limits.read_bytes_per_s / 1e9, limits.operations_per_s / 1e9,
        limits.threads, entries);
  return 0;
}
