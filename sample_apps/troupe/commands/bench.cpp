// troupe bench MODEL: how fast a model runs, through the supervised system and by the engine alone, side by side; or
// where its time goes.
#include <algorithm>

#include "commands.hpp"
#include "commands/bench_language.hpp"
#include "commands/inspect_gguf.hpp"
#include "in_flight.hpp"
#include "options.hpp"
#include "profile_report.hpp"
#include "random_inputs.hpp"
#include "statistics.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe::app {
namespace {

struct bench_command {
  std::string model_file;
  std::size_t runs = 20;
  bool runs_given = false;
  random_input_options inputs;
  bool profile = false;
  std::string trace_file;
  std::size_t in_flight = 0;  ///< 0: one more than shards
  placement_options placement;
  spread_options spread;
  language_bench language;
};

using milliseconds = std::chrono::duration<double, std::milli>;

/// One of the two ways to run the model. Latency: one run at a time. Throughput: as many as keep every stage busy.
struct measurement {
  std::vector<double> latency_ms;
  std::vector<double> images_per_s;
};

/// The first extent of the first input.
std::int64_t images_of(const std::vector<tensor>& inputs) {
  return inputs.empty() || inputs[0].dims().rank() == 0 ? 1 : inputs[0].dims()[0];
}

result<double> throughput(const model& loaded, const std::vector<tensor>& inputs, const bench_command& given) {
  const std::size_t at_once = given.in_flight ? given.in_flight : requests_at_once(loaded);
  const std::size_t requests = 2 * at_once;
  const auto started = steady_clock::now();
  sample::in_flight under_way(loaded, given.spread.for_running(), at_once);
  for (std::size_t i = 0; i < requests; ++i) under_way.push(inputs);
  TROUPE_CHECK(under_way.finish());
  const double taken_ms = milliseconds(steady_clock::now() - started).count();
  return static_cast<double>(images_of(inputs)) * static_cast<double>(requests) * 1e3 / taken_ms;
}

json json_of(const measurement& taken) {
  return {{"latency_ms", median(taken.latency_ms)},
          {"latency_ms_min", *std::min_element(taken.latency_ms.begin(), taken.latency_ms.end())},
          {"images_per_s", median(taken.images_per_s)}};
}

std::vector<std::string> row_of(const std::string& name, const measurement& taken) {
  return {name, fmt::format("{:.3f}", median(taken.latency_ms)),
          fmt::format("{:.3f}", *std::min_element(taken.latency_ms.begin(), taken.latency_ms.end())),
          fmt::format("{:.1f}", median(taken.images_per_s))};
}

/// What the planner expected, and the measured figures as multiples of it.
json prediction_json(const placement_plan& expected, std::int64_t images, const measurement& taken) {
  const double step_ms = expected.step_s * 1e3, images_per_s = static_cast<double>(images) / expected.interval_s;
  return {{"latency_ms", step_ms},
          {"images_per_s", images_per_s},
          {"latency_ratio", median(taken.latency_ms) / step_ms},
          {"images_per_s_ratio", median(taken.images_per_s) / images_per_s}};
}

/// The model on one device, without actors.
struct engine_alone {
  std::shared_ptr<device> opened;
  std::unique_ptr<troupe::program> loaded;
};

result<engine_alone> load_alone(const graph& network, const bench_command& given) {
  const system_options options = given.placement.for_system();
  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  engine_alone made;
  TROUPE_TRY(made.opened, open_device(options.device, operators, options.devices));
  graph whole = network;
  TROUPE_CHECK(optimize(whole, *operators));
  TROUPE_TRY(made.loaded, made.opened->load(std::make_shared<const graph>(std::move(whole)),
                                            {.storage = given.spread.for_loading(given.placement).storage}));
  return made;
}

json json_of(const program_stats& stats) {
  return {{"weight_bytes", stats.weight_bytes},
          {"arena_bytes", stats.arena_bytes},
          {"activation_bytes", stats.activation_bytes},
          {"pipelines", stats.pipelines},
          {"dispatches", stats.dispatches},
          {"barriers", stats.barriers},
          {"host_nodes", stats.host_nodes}};
}

result<void> profile(const bench_command& given, const graph& network, const std::vector<tensor>& inputs,
                     console& out) {
  out.progress("measuring the machine");
  const system_options options = given.placement.for_system();
  TROUPE_TRY(const roofline limits, measure_roofline(options.device, options.devices));
  out.progress("loading " + given.model_file);
  TROUPE_TRY(const engine_alone direct, load_alone(network, given));
  std::vector<run_profile> taken;
  std::vector<double> plain_ms;
  const std::size_t warm_up = 2;
  for (std::size_t i = 0; i < given.runs + warm_up; ++i) {
    out.progress(fmt::format("run {} of {}", i + 1, given.runs + warm_up));
    const auto started = steady_clock::now();
    TROUPE_CHECK(direct.loaded->run(inputs, started + given.spread.for_running().deadline));
    const double run_ms = milliseconds(steady_clock::now() - started).count();
    TROUPE_TRY(run_profile one,
               direct.loaded->profile(inputs, steady_clock::now() + given.spread.for_running().deadline));
    if (i < warm_up) continue;
    plain_ms.push_back(run_ms);
    taken.push_back(std::move(one));
  }
  const run_profile typical = median_profile(taken);
  if (!given.trace_file.empty()) TROUPE_CHECK(write_trace(given.trace_file, typical, direct.opened->info().name));
  json answer{{"device", direct.opened->info().name},
              {"batch", images_of(inputs)},
              {"runs", given.runs},
              {"run_ms", median(plain_ms)},
              {"run_ms_min", *std::min_element(plain_ms.begin(), plain_ms.end())}};
  answer.update(json_of(direct.loaded->stats()));
  answer["profile"] = profile_json(typical, limits);
  out.object(answer);
  out.line("{}: batch {}, medians of {} runs on {}", given.model_file, images_of(inputs), given.runs,
           direct.opened->info().name);
  print_profile(out, typical, limits);
  out.line("a plain run takes {:.3f} ms (least {:.3f} ms)", median(plain_ms),
           *std::min_element(plain_ms.begin(), plain_ms.end()));
  if (!given.trace_file.empty()) out.line("trace: {} (open it at ui.perfetto.dev)", given.trace_file);
  return {};
}

result<void> bench_gguf(const bench_command& given, console& out) {
  language_bench how = given.language;
  how.model_file = given.model_file;
  if (given.runs_given) how.runs = given.runs;
  how.profile = given.profile;
  how.language.placement = given.placement;
  how.language.spread = given.spread;
  return bench_language(how, out);
}

result<void> bench(const bench_command& given, console& out) {
  if (is_gguf(given.model_file)) return bench_gguf(given, out);
  TROUPE_TRY(const graph network, read_model(given.model_file));
  TROUPE_TRY(const auto inputs, make_inputs(network, given.inputs, given.spread.seed));
  if (given.profile || !given.trace_file.empty()) return profile(given, network, inputs, out);
  const std::int64_t images = images_of(inputs);

  out.progress("loading " + given.model_file);
  const system_options options = given.placement.for_system();
  TROUPE_TRY(system on, system::make(options));
  load_options how = given.spread.for_loading(given.placement);
  for (const tensor& input : inputs) how.planning.inputs.push_back(input.dims());
  // Also when somebody else has cut the model: what does the planner expect of it?
  const auto expected = on.plan(network, how);
  if (expected && how.shards == 0) how.placement = *expected;
  TROUPE_TRY(const model supervised, load_spread(on, given.model_file, network, given.spread, how));
  const std::size_t shards = requests_at_once(supervised) - 1;
  if (given.placement.verbose) print_placement(supervised);

  TROUPE_TRY(const engine_alone alone, load_alone(network, given));
  const auto& direct = alone.loaded;

  measurement through_system, by_engine;
  const std::size_t warm_up = 2;
  // The two take turns, so that whatever else the machine does meanwhile is shared fairly.
  for (std::size_t i = 0; i < given.runs + warm_up; ++i) {
    out.progress(fmt::format("run {} of {}", i + 1, given.runs + warm_up));
    auto started = steady_clock::now();
    TROUPE_CHECK(direct->run(inputs, started + given.spread.for_running().deadline));
    const double direct_ms = milliseconds(steady_clock::now() - started).count();
    started = steady_clock::now();
    TROUPE_CHECK(supervised.run(inputs, given.spread.for_running()));
    const double supervised_ms = milliseconds(steady_clock::now() - started).count();
    TROUPE_TRY(const double images_per_s, throughput(supervised, inputs, given));
    if (i < warm_up) continue;
    by_engine.latency_ms.push_back(direct_ms);
    by_engine.images_per_s.push_back(static_cast<double>(images) * 1e3 / direct_ms);
    through_system.latency_ms.push_back(supervised_ms);
    through_system.images_per_s.push_back(images_per_s);
  }

  const double ratio = median(through_system.images_per_s) / median(by_engine.images_per_s);
  json answer{{"device", alone.opened->info().name},
              {"batch", images},
              {"shards", shards},
              {"runs", given.runs},
              {"direct", json_of(by_engine)},
              {"supervised", json_of(through_system)},
              {"supervised_to_direct", ratio}};
  if (expected) answer["predicted"] = prediction_json(*expected, images, through_system);
  answer.update(json_of(direct->stats()));
  out.object(answer);
  out.line("{}: batch {}, medians of {} runs on {}", given.model_file, images, given.runs, alone.opened->info().name);
  out.print({{"", "ms", "least ms", "images/s"},
             {row_of("engine alone", by_engine),
              row_of(fmt::format("supervised, {} shard{}", shards, shards == 1 ? "" : "s"), through_system)}});
  out.line("supervised / alone: {:.2f} of the images/s", ratio);
  if (expected)
    out.line("predicted: {:.3f} ms, {:.1f} images/s; measured / predicted: {:.2f} of the ms, {:.2f} of the images/s",
             expected->step_s * 1e3, static_cast<double>(images) / expected->interval_s,
             median(through_system.latency_ms) / (expected->step_s * 1e3),
             median(through_system.images_per_s) * expected->interval_s / static_cast<double>(images));
  else
    out.line("no prediction: {}", expected.error().to_string());
  return {};
}

}  // namespace

void add_bench(program& to) {
  auto given = std::make_shared<bench_command>();
  CLI::App& command =
      to.add("bench", "Measures how fast a model runs, supervised and by the engine alone",
             "troupe bench model.onnx --batch 8 --shards 2", [given](console& out) { return bench(*given, out); });
  command.add_option("MODEL", given->model_file, "ONNX or GGUF file")->required();
  command
      .add_option("--runs", given->runs,
                  "Measured runs, after two to warm up; of a language model 5 after one, if not given")
      ->check(CLI::Range(1, 1'000'000))
      ->each([held = given.get()](const std::string&) { held->runs_given = true; })
      ->capture_default_str();
  given->inputs.add_to(command);
  given->language.add_to(command);
  command.add_flag(
      "--profile", given->profile,
      "Where the time goes instead: by operator and node, of the engine alone, beside the machine's limits");
  command.add_option("--in-flight", given->in_flight, "Requests under way at once for images/s; one more than shards")
      ->check(CLI::Range(1, 1024));
  command.add_option("--trace", given->trace_file, "With --profile: write a trace that ui.perfetto.dev opens")
      ->type_name("FILE");
  given->placement.add_to(command);
  given->spread.add_to(command);
}

}  // namespace troupe::app
