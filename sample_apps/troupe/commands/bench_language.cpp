// troupe bench MODEL.gguf: how fast a language model reads prompts and generates, alone and for many sessions at once,
// by the engine alone; what it needs of memory; or where the time of one step goes.
#include "commands/bench_language.hpp"

#include <map>
#include <random>

#include "commands/profile_report.hpp"
#include "statistics.hpp"
#include "troupe/engine/passes.hpp"
#include "usage.hpp"

namespace troupe::app {
namespace {

using seconds = std::chrono::duration<double>;

/// The steps of a generator on one program; each is profiled besides when asked for.
class program_steps final : public direct_steps {
public:
  explicit program_steps(program& runs) : program_(runs) {}

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override {
    if (profiles) {
      // Writes into the caches what the run after it writes again.
      TROUPE_TRY(run_profile taken, program_.profile(inputs, deadline, cancel));
      profiled[inputs[0].elements()].push_back(std::move(taken));
    }
    return program_.run(inputs, deadline, cancel);
  }

  bool profiles = false;
  std::map<std::size_t, std::vector<run_profile>> profiled;  ///< by rows of a step

private:
  program& program_;
};

/// A model on one device, without actors.
struct language_alone {
  std::shared_ptr<device> opened;
  std::unique_ptr<program> loaded;
  std::unique_ptr<program_steps> steps;
  language_model_parameters parameters;
  std::vector<value_info> inputs;
  std::int64_t cache_pages = 0;
  std::uint64_t tensor_bytes = 0;  ///< all of the file
  std::uint64_t read_bytes = 0;    ///< of weights, to generate one token in one session
  std::uint64_t cache_bytes = 0;   ///< by arithmetic
};

/// Products read their matrices once for each token, those of experts the chosen ones only. Vectors and rows of the
/// embedding are too few to count.
std::uint64_t weights_read(const graph& network) {
  std::uint64_t sum = 0;
  for (const node& step : network.nodes) {
    if (step.op != "Linear" && step.op != "Logits" && step.op != "ExpertLinear") continue;
    std::uint64_t bytes = 0;
    for (std::size_t i = 2; i < step.inputs.size(); ++i)
      if (const auto weight = network.constants.find(step.inputs[i]); weight != network.constants.end())
        bytes += weight->second.byte_size();
    sum += bytes;
  }
  return sum;
}

/// The part of all experts' weights that one token does not need.
std::uint64_t weights_of_idle_experts(const graph& network, const language_model_parameters& model) {
  if (model.experts == 0) return 0;
  std::uint64_t bytes = 0;
  for (const node& step : network.nodes)
    if (step.op == "ExpertLinear")
      for (std::size_t i = 2; i < step.inputs.size(); ++i)
        if (const auto weight = network.constants.find(step.inputs[i]); weight != network.constants.end())
          bytes += weight->second.byte_size();
  const auto experts = static_cast<std::uint64_t>(model.experts), used = static_cast<std::uint64_t>(model.experts_used);
  return bytes / experts * (experts - used);
}

std::uint64_t bytes_of_states(const graph& network, dtype storage) {
  std::uint64_t elements = 0;
  for (const value_id state : network.states) {
    std::uint64_t product = 1;
    for (const dimension& dim : *network.values[state].dims) product *= static_cast<std::uint64_t>(dim.extent);
    elements += product;
  }
  return elements * size_of(storage);
}

result<language_alone> load_alone(const language_bench& given, std::size_t sessions, std::size_t context) {
  language_model_options options;
  options.sessions = static_cast<std::int64_t>(sessions);
  options.context = std::max(given.language.context, static_cast<std::int64_t>(context));
  options.cache_pages = given.language.cache_pages;
  TROUPE_TRY(const language_model read, load_language_model(given.model_file, options));
  const system_options places = given.language.placement.for_system();
  const dtype storage = given.language.spread.for_loading().storage;
  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  language_alone made;
  made.parameters = read.parameters;
  made.cache_pages = read.cache_pages;
  for (const gguf_tensor& each : read.file.tensors()) made.tensor_bytes += each.bytes.size();
  TROUPE_TRY(made.opened, open_device(places.device, operators, places.devices));
  graph network = read.graph;
  made.read_bytes = weights_read(network) - weights_of_idle_experts(network, read.parameters);
  made.cache_bytes = bytes_of_states(network, storage);
  for (const value_id input : network.inputs) made.inputs.push_back(network.values[input]);
  TROUPE_CHECK(optimize(network, *operators));
  TROUPE_TRY(made.loaded, made.opened->load(std::make_shared<const graph>(std::move(network)), {.storage = storage}));
  made.steps = std::make_unique<program_steps>(*made.loaded);
  return made;
}

/// Prompts that differ from their beginning, so that none finds its pages in the cache.
class prompts {
public:
  prompts(std::int64_t vocabulary, std::uint64_t seed) : vocabulary_(vocabulary), random_(seed) {}

  std::vector<token_id> next(std::size_t length) {
    std::vector<token_id> made;
    for (std::size_t i = 0; i < length; ++i)
      made.push_back(static_cast<token_id>(random_() % static_cast<std::uint64_t>(vocabulary_)));
    return made;
  }

private:
  std::int64_t vocabulary_;
  std::mt19937_64 random_;
};

/// Tokens a second, by the clock and by the processor time of all threads.
struct rates {
  std::vector<double> wall, cpu;

  void add(std::size_t tokens, double wall_s, double cpu_s) {
    wall.push_back(static_cast<double>(tokens) / std::max(wall_s, 1e-9));
    cpu.push_back(static_cast<double>(tokens) / std::max(cpu_s, 1e-9));
  }
};

class stopwatch {
public:
  double wall() const { return seconds(steady_clock::now() - started_).count(); }
  double cpu() const { return cpu_seconds() - cpu_; }

private:
  time_point started_ = steady_clock::now();
  double cpu_ = cpu_seconds();
};

/// What one number of sessions gives.
struct crowd {
  std::size_t sessions = 0;
  rates generated;
  std::vector<double> latency_ms;  ///< from a session's token to its next
};

double percentile(std::vector<double> samples, double part) {
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1) + 0.5)];
}

/// One session: its prompt, then its tokens.
result<void> measure_one(const language_bench& given, language_alone& on, prompts& texts, rates& read,
                         rates& generated) {
  TROUPE_TRY(generator sessions, generator::make(on.inputs, *on.steps, {.cache_pages = on.cache_pages}));
  const stopwatch prompt;
  // The first token comes with the prompt.
  TROUPE_CHECK(sessions.add(texts.next(given.prompt_tokens), {.tokens_max = given.generated_tokens + 1}));
  std::optional<stopwatch> generating;
  while (!sessions.idle()) {
    TROUPE_TRY(const auto outputs, sessions.step(steady_clock::now() + given.language.spread.for_running().deadline));
    for (const session_output& output : outputs)
      if (output.failure) return *output.failure;
    if (generating || outputs.empty()) continue;
    read.add(given.prompt_tokens, prompt.wall(), prompt.cpu());
    generating.emplace();
  }
  generated.add(given.generated_tokens, generating->wall(), generating->cpu());
  return {};
}

/// All sessions at once, with short prompts: what counts is generating.
result<void> measure_many(const language_bench& given, language_alone& on, prompts& texts, crowd& all) {
  TROUPE_TRY(generator sessions, generator::make(on.inputs, *on.steps, {.cache_pages = on.cache_pages}));
  const stopwatch whole;
  for (std::size_t i = 0; i < all.sessions; ++i)
    TROUPE_CHECK(sessions.add(texts.next(std::min<std::size_t>(given.prompt_tokens, 16)),
                              {.tokens_max = given.generated_tokens}));
  std::map<session_id, time_point> last;
  std::size_t tokens = 0;
  while (!sessions.idle()) {
    TROUPE_TRY(const auto outputs, sessions.step(steady_clock::now() + given.language.spread.for_running().deadline));
    const auto now = steady_clock::now();
    for (const session_output& output : outputs) {
      if (output.failure) return *output.failure;
      const auto before = last.find(output.session);
      if (before != last.end()) all.latency_ms.push_back(seconds(now - before->second).count() * 1e3);
      last[output.session] = now;
      ++tokens;
    }
  }
  all.generated.add(tokens, whole.wall(), whole.cpu());
  return {};
}

json json_of(const rates& taken, unsigned threads) {
  json made{{"tokens_per_second", median(taken.wall)}};
  // What as many idle cores as the device uses would do.
  if (threads > 0) made["tokens_per_second_of_cpu"] = median(taken.cpu) * threads;
  return made;
}

std::string text_of(const rates& taken, unsigned threads) {
  return threads > 0 ? fmt::format("{:.1f} tokens/s ({:.1f} by processor time on {} threads)", median(taken.wall),
                                   median(taken.cpu) * threads, threads)
                     : fmt::format("{:.1f} tokens/s", median(taken.wall));
}

json report_profiles(const language_alone& on, const roofline& limits, console& out) {
  json made = json::array();
  for (const auto& [rows, taken] : on.steps->profiled) {
    // The first run of a shape prepares it.
    const run_profile typical = median_profile(taken.size() > 1 ? std::vector(taken.begin() + 1, taken.end()) : taken);
    out.heading(fmt::format("a step of {} row{}: {} dispatches", rows, rows == 1 ? "" : "s",
                            std::count_if(typical.steps.begin(), typical.steps.end(),
                                          [](const profiled_step& step) { return !step.on_host(); })));
    print_profile(out, typical, limits);
    out.line("");
    json one{{"rows", rows}};
    one.update(profile_json(typical, limits));
    made.push_back(std::move(one));
  }
  return made;
}

result<void> profile(const language_bench& given, console& out, const roofline& limits) {
  TROUPE_TRY(language_alone on, load_alone(given, given.sessions, given.prompt_tokens + given.generated_tokens));
  on.steps->profiles = true;
  prompts texts(on.parameters.vocabulary, given.language.spread.seed);
  rates read, generated;
  for (std::size_t i = 0; i < given.runs + 1; ++i) {
    out.progress(fmt::format("run {} of {}", i + 1, given.runs + 1));
    crowd all{.sessions = given.sessions, .generated = {}, .latency_ms = {}};
    if (given.sessions > 1) TROUPE_CHECK(measure_many(given, on, texts, all));
    if (given.sessions == 1) TROUPE_CHECK(measure_one(given, on, texts, read, generated));
  }
  out.clear_progress();
  const json profiles = report_profiles(on, limits, out);
  out.object({{"device", on.opened->info().name}, {"runs", given.runs}, {"profiles", profiles}});
  return {};
}

result<json> measure_sessions(const language_bench& given, console& out, const roofline& limits) {
  std::vector<std::size_t> counts;
  for (std::size_t count = 1; count < given.sessions; count *= 4) counts.push_back(count);
  counts.push_back(given.sessions);
  TROUPE_TRY(language_alone on, load_alone(given, given.sessions, 16 + given.generated_tokens));
  prompts texts(on.parameters.vocabulary, given.language.spread.seed);
  json made = json::array();
  table rows{{"sessions", "tokens/s in all", "by processor time", "ms to the next token", "p99 ms"}, {}};
  for (const std::size_t count : counts) {
    crowd all{.sessions = count, .generated = {}, .latency_ms = {}};
    for (std::size_t i = 0; i < given.runs + 1; ++i) {
      out.progress(fmt::format("{} sessions: run {} of {}", count, i + 1, given.runs + 1));
      if (i == 1) all = {.sessions = count, .generated = {}, .latency_ms = {}};  // the first warms up
      TROUPE_CHECK(measure_many(given, on, texts, all));
    }
    if (all.latency_ms.empty()) all.latency_ms.push_back(0);  // one token each
    const double cpu = limits.threads > 0 ? median(all.generated.cpu) * limits.threads : 0;
    const double typical = median(all.latency_ms), slow = percentile(all.latency_ms, 0.99);
    rows.rows.push_back({fmt::format("{}", count), fmt::format("{:.1f}", median(all.generated.wall)),
                         fmt::format("{:.1f}", cpu), fmt::format("{:.1f}", typical), fmt::format("{:.1f}", slow)});
    json one{{"sessions", count}};
    one.update(json_of(all.generated, limits.threads));
    one.update(json{{"latency_ms", typical}, {"latency_ms_p99", slow}});
    made.push_back(std::move(one));
  }
  out.clear_progress();
  out.print(rows);
  return made;
}

json memory_of(const language_alone& on, std::uint64_t at_load) {
  const program_stats stats = on.loaded->stats();
  return {{"host_peak_at_load", at_load},
          {"host_peak", peak_memory()},
          {"device_weights", stats.weight_bytes},
          {"device_caches", stats.state_bytes},
          {"device_activations", stats.arena_bytes},
          {"device_staging", stats.staging_bytes},
          {"file_tensors", on.tensor_bytes},
          {"cache_arithmetic", on.cache_bytes}};
}

result<json> measure_alone(const language_bench& given, console& out, const roofline& limits) {
  const auto started = steady_clock::now();
  TROUPE_TRY(language_alone on, load_alone(given, 1, given.prompt_tokens + given.generated_tokens));
  const double load_s = seconds(steady_clock::now() - started).count();
  const std::uint64_t at_load = peak_memory();
  prompts texts(on.parameters.vocabulary, given.language.spread.seed);
  rates read, generated;
  for (std::size_t i = 0; i < given.runs + 1; ++i) {
    out.progress(fmt::format("run {} of {}", i + 1, given.runs + 1));
    if (i == 1) read = generated = {};  // the first warms up
    TROUPE_CHECK(measure_one(given, on, texts, read, generated));
  }
  out.clear_progress();
  const double bytes_per_s = static_cast<double>(on.read_bytes) * median(generated.wall);
  const double by_cpu = static_cast<double>(on.read_bytes) * median(generated.cpu) * limits.threads;
  const json memory = memory_of(on, at_load);
  const auto bytes = [&](const char* key) { return text_of_bytes(memory[key].get<std::uint64_t>()); };
  out.line("{}: medians of {} runs on {}, engine alone", given.model_file, given.runs, on.opened->info().name);
  out.line("prompt of {}: {}", given.prompt_tokens, text_of(read, limits.threads));
  out.line("{} generated: {}", given.generated_tokens, text_of(generated, limits.threads));
  out.line(
      "weights read for a token: {}, {:.2f} GB/s, {:.0f}% of the {:.1f} GB/s that this machine reads{}",
      text_of_bytes(on.read_bytes), bytes_per_s * 1e-9, 100 * bytes_per_s / limits.read_bytes_per_s,
      limits.read_bytes_per_s * 1e-9,
      limits.threads > 0 ? fmt::format(" ({:.0f}% by processor time)", 100 * by_cpu / limits.read_bytes_per_s) : "");
  out.line("device memory: weights {} (in the file {}), caches {} (by arithmetic {}), activations {}, staging {}",
           bytes("device_weights"), bytes("file_tensors"), bytes("device_caches"), bytes("cache_arithmetic"),
           bytes("device_activations"), bytes("device_staging"));
  out.line("host memory at most: {}, {} after loading", bytes("host_peak"), bytes("host_peak_at_load"));
  json generation = json_of(generated, limits.threads);
  generation.update(json{{"tokens", given.generated_tokens},
                         {"weight_bytes_per_token", on.read_bytes},
                         {"bytes_per_second", bytes_per_s},
                         {"fraction_of_read_bandwidth", bytes_per_s / limits.read_bytes_per_s}});
  if (limits.threads > 0) generation["fraction_of_read_bandwidth_by_cpu"] = by_cpu / limits.read_bytes_per_s;
  json prompt = json_of(read, limits.threads);
  prompt["tokens"] = given.prompt_tokens;
  const program_stats stats = on.loaded->stats();
  return json{{"device", on.opened->info().name},
              {"runs", given.runs},
              {"load_s", load_s},
              {"prompt", prompt},
              {"generation", generation},
              {"read_bytes_per_s", limits.read_bytes_per_s},
              {"operations_per_s", limits.operations_per_s},
              {"memory", memory},
              {"dispatches_per_token", stats.dispatches},
              {"barriers_per_token", stats.barriers},
              {"host_nodes_per_token", stats.host_nodes}};
}

}  // namespace

void language_bench::add_to(CLI::App& command) {
  const auto some = CLI::Range(std::size_t{1}, std::size_t{1} << 20);
  command.add_option("--prompt-tokens", prompt_tokens, "GGUF: tokens of a prompt")->check(some)->capture_default_str();
  command.add_option("--gen-tokens", generated_tokens, "GGUF: tokens to generate after it")
      ->check(some)
      ->capture_default_str();
  command.add_option("--sessions", sessions, "GGUF: also 1, 4, 16, ... sessions at once, up to so many")
      ->check(CLI::Range(std::size_t{1}, std::size_t{limits::language_sessions_max}))
      ->capture_default_str();
  command.add_option("--context", language.context, "GGUF: positions of a session; by default as many as are needed")
      ->check(CLI::Range(std::int64_t{1}, limits::language_context_max))
      ->type_name("N");
}

result<void> bench_language(const language_bench& given, console& out) {
  const auto& spread = given.language.spread;
  if (spread.shards != 1 || !given.language.placement.nodes.empty() || spread.parallel != "pipeline")
    return error(errc::unsupported,
                 "a language model is measured by the engine alone; leave out --shards, --node and --parallel, or use "
                 "`troupe generate`, which prints times too");
  out.progress("measuring the machine");
  const system_options places = given.language.placement.for_system();
  TROUPE_TRY(const roofline limits, measure_roofline(places.device, places.devices));
  out.progress("loading " + given.model_file);
  if (given.profile) return profile(given, out, limits);
  TROUPE_TRY(json answer, measure_alone(given, out, limits));
  if (given.sessions > 1) {
    TROUPE_TRY(answer["sessions"], measure_sessions(given, out, limits));
  }
  out.object(answer);
  return {};
}

}  // namespace troupe::app
