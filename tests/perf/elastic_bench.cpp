// Throughput while nodes join and leave: one node process first, two more that join, then the first is removed, all
// under load. Every answer is compared with the first one, bit for bit. Prints JSON for plot_elastic.py: answers in
// every interval, and what happened when.
//
//   troupe_elastic_bench sample_apps/models/digits.onnx --seconds 24 > measured.json
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "node_process.hpp"
#include "troupe/troupe.hpp"

namespace {

using namespace troupe;
using namespace std::chrono_literals;

constexpr auto interval = 250ms;

/// Keeps a number of requests under way and counts their answers by interval.
class load {
public:
  load(model on, tensor batch, tensor want, int in_flight)
      : on_(std::move(on)), batch_(std::move(batch)), want_(std::move(want)), begin_(steady_clock::now()) {
    for (int i = 0; i < in_flight; ++i) submit();
  }
  /// Waits until everything that was sent is answered.
  void finish() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    idle_.wait_for(lock, 120s, [&] { return under_way_ == 0; });
  }
  double now_s() const { return std::chrono::duration<double>(steady_clock::now() - begin_).count(); }
  nlohmann::json report() {
    const std::lock_guard lock(mutex_);
    return {{"interval_s", std::chrono::duration<double>(interval).count()},
            {"answers", per_interval_},
            {"sent", sent_},
            {"equal", equal_},
            {"different_or_failed", wrong_},
            {"unanswered", under_way_}};
  }

private:
  void submit() {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      ++sent_;
      ++under_way_;
    }
    on_.submit({batch_}, {.deadline = 60s}, [this](result<run_result> answer) { answered(answer); });
  }
  void answered(const result<run_result>& answer) {
    const bool same = answer && answer->outputs.at(0).bytes().size() == want_.bytes().size() &&
                      std::memcmp(answer->outputs[0].bytes().data(), want_.bytes().data(), want_.bytes().size()) == 0;
    {
      const std::lock_guard lock(mutex_);
      const auto place = static_cast<std::size_t>((steady_clock::now() - begin_) / interval);
      if (per_interval_.size() <= place) per_interval_.resize(place + 1);
      ++per_interval_[place];
      ++(same ? equal_ : wrong_);
      --under_way_;
    }
    submit();
    idle_.notify_all();
  }

  model on_;
  tensor batch_, want_;
  time_point begin_;
  std::mutex mutex_;
  std::condition_variable idle_;
  bool stopping_ = false;
  std::vector<int> per_interval_;
  std::uint64_t sent_ = 0, equal_ = 0, wrong_ = 0, under_way_ = 0;
};

result<nlohmann::json> measure(const std::string& file, double seconds, int in_flight) {
  std::vector<sample::node_process> nodes;
  for (const char* name : {"first", "second", "third"}) {
    TROUPE_TRY(auto started, sample::node_process::start(TROUPE_PROGRAM, name, ""));
    nodes.push_back(std::move(started));
  }
  system_options options;
  options.nodes = {nodes[0].address()};
  TROUPE_TRY(troupe::system host, troupe::system::make(options));
  load_options how;
  how.parallel = parallel_mode::data;
  how.shards = 3;
  TROUPE_TRY(const model loaded, host.load(file, how));

  TROUPE_TRY(tensor batch, tensor::make(dtype::f32, shape{48, 1, 8, 8}));
  std::mt19937 random(5);
  for (float& pixel : batch.as_mutable<float>()) pixel = static_cast<float>(random() >> 8) * 0x1p-24f;
  TROUPE_TRY(const run_result first, loaded.run(std::vector<tensor>{batch}));

  load busy(loaded, batch, first.outputs.at(0), in_flight);
  nlohmann::json events = nlohmann::json::array();
  const auto pause = std::chrono::duration<double>(seconds / 4);
  const auto note = [&](const char* what) { events.push_back({{"at_s", busy.now_s()}, {"what", what}}); };
  std::this_thread::sleep_for(pause);
  note("second joins");
  TROUPE_CHECK(host.add_node(nodes[1].address()));
  std::this_thread::sleep_for(pause);
  note("third joins");
  TROUPE_CHECK(host.add_node(nodes[2].address()));
  std::this_thread::sleep_for(pause);
  note("first leaves");
  TROUPE_CHECK(host.remove_node(nodes[0].address()));
  std::this_thread::sleep_for(pause);
  busy.finish();
  nlohmann::json report = busy.report();
  report["events"] = std::move(events);
  return report;
}

}  // namespace

int main(int count, char** words) {
  std::string file;
  double seconds = 24;
  int in_flight = 8;
  CLI::App app("Throughput while nodes join and leave");
  app.add_option("model", file, "The digits model, or another with inputs of 1 x 8 x 8")->required();
  app.add_option("--seconds", seconds, "Length of the whole run")->capture_default_str();
  app.add_option("--in-flight", in_flight, "Requests under way")->capture_default_str();
  CLI11_PARSE(app, count, words);
  const auto measured = measure(file, seconds, in_flight);
  if (!measured) {
    fmt::print(stderr, "troupe_elastic_bench: {}\n", measured.error().to_string());
    return 1;
  }
  fmt::print("{}\n", measured->dump(2));
}
