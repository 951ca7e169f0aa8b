// How long a run takes longer when a part of it dies in the middle, and whether its answer has the same bits: shards
// killed in this process, and node processes killed with SIGKILL. Prints runs, equal answers, and the time to recover:
// from the kill to the answer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <random>
#include <thread>

#include "node_process.hpp"
#include "troupe/troupe.hpp"

namespace {

using namespace troupe;
using namespace std::chrono_literals;
using milliseconds_f = std::chrono::duration<double, std::milli>;

struct tally {
  int runs = 0, equal = 0, hit = 0;
  std::vector<double> recovery_ms, undisturbed_ms;

  void print(const char* what) {
    const auto middle = [](std::vector<double>& samples) {
      std::sort(samples.begin(), samples.end());
      return samples.empty() ? 0.0 : samples[samples.size() / 2];
    };
    const double undisturbed = middle(undisturbed_ms);
    const double recovery = middle(recovery_ms);
    fmt::print(
        "{}: {} runs, {} identical, {} met the kill in flight; undisturbed {:.1f} ms; from kill to answer {:.1f} ms "
        "median, "
        "{:.1f} ms worst\n",
        what, runs, equal, hit, undisturbed, recovery, recovery_ms.empty() ? 0.0 : recovery_ms.back());
  }
};

result<tensor> random_batch(std::int64_t rows) {
  TROUPE_TRY(tensor made, tensor::make(dtype::f32, shape{rows, 1, 8, 8}));
  std::mt19937 random(5);
  for (float& pixel : made.as_mutable<float>()) pixel = static_cast<float>(random() >> 8) * 0x1p-24f;
  return made;
}

/// Runs the model once while `kill` is called after `pause`.
result<void> disturbed_run(const model& loaded, const tensor& batch, const tensor& want,
                           std::chrono::microseconds pause, const std::function<void()>& kill, tally& count) {
  std::optional<time_point> killed;
  std::thread killer([&] {
    std::this_thread::sleep_for(pause);
    killed = steady_clock::now();
    kill();
  });
  auto answer = loaded.run(std::vector<tensor>{batch}, {.deadline = 60s});
  const time_point answered = steady_clock::now();
  killer.join();
  ++count.runs;
  if (!answer) return std::move(answer).error();
  count.equal += bitwise_equal(answer->outputs[0], want);
  if (answered > *killed && answer->recoveries > 0) {
    ++count.hit;
    count.recovery_ms.push_back(milliseconds_f(answered - *killed).count());
  }
  return {};
}

result<double> timed_run(const model& loaded, const tensor& batch) {
  const time_point started = steady_clock::now();
  TROUPE_TRY(const run_result answer, loaded.run(std::vector<tensor>{batch}, {.deadline = 60s}));
  return milliseconds_f(steady_clock::now() - started).count();
}

result<void> bench(const std::string& file, std::int64_t rows, int shard_kills, int node_kills, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  TROUPE_TRY(const tensor batch, random_batch(rows));
  system_options options;
  options.allow_fault_injection = true;
  // A short window: kill after kill is the benchmark's doing, and must not slow restarts down.
  options.restarts = {100, 20ms};
  TROUPE_TRY(troupe::system alone, troupe::system::make(options));
  tensor want;
  {
    TROUPE_TRY(const model loaded, alone.load(file, {.shards = 2}));
    TROUPE_TRY(const run_result first, loaded.run(std::vector<tensor>{batch}));
    want = first.outputs[0];
    tally count;
    for (int i = 0; i < shard_kills; ++i) {
      TROUPE_TRY(const double usual, timed_run(loaded, batch));
      count.undisturbed_ms.push_back(usual);
      const auto pause = std::chrono::microseconds(random() % static_cast<std::uint64_t>(usual * 1000));
      const auto part = static_cast<std::uint32_t>(random() % 2);
      TROUPE_CHECK(disturbed_run(
          loaded, batch, want, pause, [&] { (void)alone.kill_part(loaded, part); }, count));
    }
    count.print("a shard killed");
  }
  tally count;
  for (int i = 0; i < node_kills; ++i) {
    TROUPE_TRY(auto first, sample::node_process::start(TROUPE_PROGRAM, "first", ""));
    TROUPE_TRY(auto second, sample::node_process::start(TROUPE_PROGRAM, "second", ""));
    system_options spread;
    spread.nodes = {first.address(), second.address()};
    TROUPE_TRY(troupe::system over, troupe::system::make(spread));
    TROUPE_TRY(const model loaded, over.load(file, {.shards = 2}));
    for (int warm = 0; warm < 2; ++warm) TROUPE_CHECK(timed_run(loaded, batch));
    TROUPE_TRY(const double usual, timed_run(loaded, batch));
    count.undisturbed_ms.push_back(usual);
    const auto pause = std::chrono::microseconds(random() % static_cast<std::uint64_t>(usual * 1000));
    auto& victim = random() % 2 == 0 ? first : second;
    TROUPE_CHECK(disturbed_run(
        loaded, batch, want, pause, [&] { victim.kill(); }, count));
  }
  count.print("a node process killed with SIGKILL");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Kills shards and nodes in the middle of runs and measures recovery.\n"
      "Example: troupe_recovery_bench sample_apps/models/digits.onnx --shard-kills 200 --node-kills 50");
  std::string file;
  std::int64_t rows = 256;
  int shard_kills = 200, node_kills = 50;
  std::uint64_t seed = 1;
  app.add_option("model", file, "the digits network")->required();
  app.add_option("--batch", rows, "rows of the input");
  app.add_option("--shard-kills", shard_kills, "runs with a shard killed");
  app.add_option("--node-kills", node_kills, "runs with a node process killed");
  app.add_option("--seed", seed, "of the moments");
  CLI11_PARSE(app, argc, argv);
  fmt::print("seed {}\n", seed);
  if (const auto outcome = bench(file, rows, shard_kills, node_kills, seed); !outcome) {
    fmt::print(stderr, "troupe_recovery_bench: {}\n", outcome.error().to_string());
    return 1;
  }
  return 0;
}
