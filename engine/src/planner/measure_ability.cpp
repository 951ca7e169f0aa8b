// Four small chains of operators say what a device reaches: the difference between a long and a short one is what the
// further nodes take, without copies and submission.
#include <algorithm>
#include <cmath>

#include "troupe/engine/ability.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::chrono::seconds time_limit{30};  ///< of one run
constexpr int rounds = 3;
constexpr double rounds_s = 0.5;
/// Chains are made with more and more rows, or larger matrices, until they take so long or reach their bounds.
constexpr double products_s = 0.02;
constexpr std::int64_t rows_max = 8192;
/// Square matrices: large enough to keep a GPU busy, small enough for the reference device.
constexpr std::int64_t product_width = 512;
/// Read by a single row, up to more than the caches of most processors and GPUs hold.
constexpr std::int64_t matrix_width_min = 1024, matrix_width_max = 4096;
constexpr std::size_t matrices = 3;
constexpr std::size_t short_chain = 4, long_chain = 68;
/// A device that is measured to be faster than this was not measured.
constexpr double seconds_least = 1e-8;
constexpr double memory_share = 0.9;
constexpr double factor_max = 64;

/// `nodes` operators of the kind `op`, each on what the one before gives and, in turn, on one of `constants`.
graph chain_of(const std::string& op, const shape& input, const std::vector<tensor>& constants, std::size_t nodes) {
  graph made;
  made.name = "ability";
  value_id at = made.add_value({"x", dtype::f16, true, std::nullopt});
  made.values[at].dims.emplace();
  for (const std::int64_t extent : input) made.values[at].dims->push_back({extent, {}});
  made.inputs = {at};
  std::vector<value_id> weights;
  for (const tensor& constant : constants)
    weights.push_back(made.add_constant(fmt::format("w{}", weights.size()), constant));
  for (std::size_t i = 0; i < nodes; ++i) {
    node step;
    step.op = op;
    step.version = 13;
    step.name = fmt::format("{} {}", op, i);
    step.inputs = {at};
    if (!weights.empty()) step.inputs.push_back(weights[i % weights.size()]);
    at = made.add_value({fmt::format("y{}", i), dtype::f32, false, std::nullopt});
    step.outputs = {at};
    made.nodes.push_back(std::move(step));
  }
  made.outputs = {at};
  return made;
}

/// The least of several runs, after one to warm up; of fewer when they take long.
result<double> seconds_of(device& on, const graph& chain) {
  TROUPE_TRY(const auto loaded, on.load(std::make_shared<const graph>(chain)));
  std::vector<std::int64_t> extents;
  for (const dimension& axis : *chain.values[chain.inputs[0]].dims) extents.push_back(axis.extent);
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor zeros, tensor::make(dtype::f16, dims));
  const std::vector<tensor> inputs{std::move(zeros)};
  double least = std::numeric_limits<double>::infinity(), sum = 0;
  for (int round = 0; round <= rounds && sum < rounds_s; ++round) {
    const auto started = steady_clock::now();
    TROUPE_CHECK(loaded->run(inputs, started + time_limit));
    if (round == 0) continue;
    const double taken = std::chrono::duration<double>(steady_clock::now() - started).count();
    least = std::min(least, taken);
    sum += taken;
  }
  return least;
}

result<void> measure_overhead(device& on, node_ability& made) {
  TROUPE_TRY(const double few, seconds_of(on, chain_of("Relu", {1, 64}, {}, short_chain)));
  TROUPE_TRY(const double many, seconds_of(on, chain_of("Relu", {1, 64}, {}, long_chain)));
  made.dispatch_s = std::max((many - few) / static_cast<double>(long_chain - short_chain), 0.0);
  made.run_s = std::max(few - static_cast<double>(short_chain) * made.dispatch_s, 0.0);
  return {};
}

result<void> measure_products(device& on, node_ability& made) {
  TROUPE_TRY(const tensor weights, tensor::make(dtype::f16, {product_width, product_width}));
  for (std::int64_t rows = 2;; rows *= 4) {
    TROUPE_TRY(const double few, seconds_of(on, chain_of("MatMul", {rows, product_width}, {weights}, 1)));
    TROUPE_TRY(const double many, seconds_of(on, chain_of("MatMul", {rows, product_width}, {weights}, 5)));
    const double taken = std::max(many - few - 4 * made.dispatch_s, seconds_least);
    made.operations_per_s = 4 * 2.0 * static_cast<double>(rows * product_width * product_width) / taken;
    if (many > products_s || rows * 4 > rows_max) return {};
  }
}

result<void> measure_reading(device& on, node_ability& made) {
  const double overhead = made.run_s + static_cast<double>(matrices) * made.dispatch_s;
  for (std::int64_t width = matrix_width_min;; width *= 2) {
    std::vector<tensor> weights;
    for (std::size_t i = 0; i < matrices; ++i) {
      TROUPE_TRY(tensor each, tensor::make(dtype::f16, {width, width}));
      weights.push_back(std::move(each));
    }
    TROUPE_TRY(const double taken, seconds_of(on, chain_of("MatMul", {1, width}, weights, matrices)));
    const double bytes = static_cast<double>(matrices) * 2.0 * static_cast<double>(width * width);
    made.bytes_per_s = bytes / std::max(taken - overhead, seconds_least);
    if (taken > products_s || width == matrix_width_max) return {};
  }
}

}  // namespace

std::uint64_t usable_memory(const device_info& of) {
  return static_cast<std::uint64_t>(static_cast<double>(of.memory_bytes) * memory_share);
}

result<node_ability> measure_ability(device& on) {
  const device_info& info = on.info();
  if (info.kind == device_kind::null) return fail(errc::unsupported, "the null device has no speed to measure");
  node_ability made;
  made.device = info.name;
  made.driver = info.driver;
  made.memory_bytes = usable_memory(info);
  TROUPE_CHECK(measure_overhead(on, made).while_doing("measuring a dispatch"));
  TROUPE_CHECK(measure_products(on, made).while_doing("measuring products"));
  TROUPE_CHECK(measure_reading(on, made).while_doing("measuring memory"));
  return made;
}

node_ability corrected(node_ability ability, double predicted_s, double measured_s) {
  if (!(predicted_s > 0) || !(measured_s > 0) || !std::isfinite(predicted_s) || !std::isfinite(measured_s))
    return ability;
  const double slower = std::clamp(measured_s / predicted_s, 1 / factor_max, factor_max);
  ability.operations_per_s /= slower;
  ability.bytes_per_s /= slower;
  ability.dispatch_s *= slower;
  ability.run_s *= slower;
  return ability;
}

result<void> check(const node_ability& ability) {
  const auto number = [](std::string_view name, double value, bool positive) -> result<void> {
    if (std::isfinite(value) && (positive ? value > 0 : value >= 0)) return {};
    return fail(errc::invalid_argument, "a node's ability has {} of {}", value, name);
  };
  TROUPE_CHECK(number("operations a second", ability.operations_per_s, true));
  TROUPE_CHECK(number("bytes a second", ability.bytes_per_s, true));
  TROUPE_CHECK(number("seconds a dispatch", ability.dispatch_s, false));
  return number("seconds a run", ability.run_s, false);
}

}  // namespace troupe
