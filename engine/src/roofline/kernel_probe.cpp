// The two kernels run as programs of one node, whose operators exist here only: memory, pipelines, submission and clock
// are those of every other program.
#include "roofline/kernel_probe.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::int64_t read_elements = std::int64_t{24} << 20;  ///< of four bytes: 96 MiB, below every binding's limit
constexpr std::int64_t readers = std::int64_t{1} << 18;
constexpr std::int64_t words = read_elements / 4;  ///< a word is what one load fetches
constexpr std::int64_t calculators = std::int64_t{1} << 17;
constexpr std::uint32_t calculator_steps = 1024;
constexpr double operations_a_step = 2.0 * 32;  ///< eight chains of four multiply-adds
constexpr int rounds = 3;
constexpr std::chrono::seconds time_limit{30};

struct read_parameters {
  std::uint32_t word_count, invocations, rounds;
};

struct arithmetic_parameters {
  std::uint32_t invocations, steps;
};

result<void> infer_read(infer_context& context) {
  context.set_output(0, dtype::f32, shape{readers});
  return {};
}

result<void> infer_arithmetic(infer_context& context) {
  context.set_output(0, dtype::f32, shape{calculators});
  return {};
}

result<void> no_reference(reference_context& context) {
  return fail(errc::unsupported, "{} only runs on devices", context.step().describe());
}

result<void> lower_read(lowering_context& context) {
  context.add({.shader = "probe_read",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(read_parameters{as_u32(words), as_u32(readers), as_u32(words / readers)}),
               .groups = groups_for(readers, 64, context.traits())});
  return {};
}

result<void> lower_arithmetic(lowering_context& context) {
  context.add({.shader = "probe_arithmetic",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(arithmetic_parameters{as_u32(calculators), calculator_steps}),
               .groups = groups_for(calculators, 64, context.traits())});
  return {};
}

std::shared_ptr<const graph> one_node(std::string op, std::int64_t elements) {
  graph made;
  const auto declare = [&](std::string name, std::optional<std::vector<dimension>> dims) {
    return made.add_value({std::move(name), dtype::f32, true, std::move(dims)});
  };
  const value_id in = declare("x", std::vector<dimension>{{elements, ""}});
  const value_id out = declare("y", std::nullopt);
  made.inputs = {in};
  made.outputs = {out};
  made.nodes.push_back({std::move(op), "", "probe", 1, {in}, {out}, {}});
  return std::make_shared<const graph>(std::move(made));
}

/// The least device time of a run, in seconds.
result<double> least_seconds(device& on, const std::string& op, std::int64_t elements) {
  TROUPE_TRY(const auto loaded, on.load(one_node(op, elements), {.storage = dtype::f32}));
  TROUPE_TRY(tensor zeros, tensor::make(dtype::f32, shape{elements}));
  const std::vector<tensor> inputs{std::move(zeros)};
  double least = 1e9;
  for (int round = 0; round < rounds; ++round) {
    TROUPE_TRY(const run_profile taken, loaded->profile(inputs, steady_clock::now() + time_limit));
    double sum_us = 0;
    for (const profiled_step& step : taken.steps) sum_us += step.duration_us;
    if (sum_us > 0) least = std::min(least, sum_us * 1e-6);
  }
  return least;
}

}  // namespace

result<roofline> measure_by_kernels(std::string_view selector, const device_options& options) {
  auto probes = std::make_shared<operator_table>();
  probes->add({.name = "ProbeRead", .infer = infer_read, .reference = no_reference, .lower = lower_read});
  probes->add(
      {.name = "ProbeArithmetic", .infer = infer_arithmetic, .reference = no_reference, .lower = lower_arithmetic});
  TROUPE_TRY(const auto opened, open_device(selector, std::move(probes), options));
  roofline made;
  TROUPE_TRY(const double read_s, least_seconds(*opened, "ProbeRead", read_elements));
  made.read_bytes_per_s = 4.0 * read_elements / read_s;
  TROUPE_TRY(const double arithmetic_s, least_seconds(*opened, "ProbeArithmetic", calculators));
  made.operations_per_s = operations_a_step * calculator_steps * static_cast<double>(calculators) / arithmetic_s;
  return made;
}

}  // namespace troupe
