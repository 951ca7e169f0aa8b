// Runs one model on a node while another one's weights are on their way there through the same link, for links_test.py.
// Every answer is compared with the first one, bit for bit. Prints JSON: how many answers, how long they took, and what
// was lost.
//
//   troupe_two_models 10.77.0.2:7300 STATE light.onnx heavy.onnx SECONDS
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <future>
#include <nlohmann/json.hpp>

#include "troupe/troupe.hpp"

namespace {

using namespace troupe;

result<nlohmann::json> measure(const std::string& node, const std::string& state, const std::string& light,
                               const std::string& heavy, std::chrono::seconds patience) {
  system_options options;
  options.device = "reference";
  options.nodes = {node};
  options.state_directory = state;
  TROUPE_TRY(troupe::system host, troupe::system::make(options));
  load_options how;
  how.storage = dtype::f32;
  how.deadline = patience;
  TROUPE_TRY(const model first, host.load(light, how));
  TROUPE_TRY(tensor batch, tensor::make(dtype::f32, shape{64, 1, 8, 8}));
  const auto pixels = batch.as_mutable<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i % 97) / 97;
  TROUPE_TRY(const run_result want, first.run({&batch, 1}));

  std::atomic<std::uint64_t> moved{0};
  how.on_progress = [&](const load_progress& at) { moved = at.bytes_moved; };
  const time_point begin = steady_clock::now();
  auto loading = std::async(std::launch::async, [&] { return host.load(heavy, how); });
  std::uint64_t answers = 0, different = 0, recoveries = 0, while_loading = 0;
  std::vector<double> times;
  bool loaded = false;
  while (!loaded || answers < 3) {
    const time_point sent = steady_clock::now();
    TROUPE_TRY(const run_result answer, first.run({&batch, 1}, {.deadline = patience}));
    times.push_back(std::chrono::duration<double>(steady_clock::now() - sent).count());
    const auto got = answer.outputs.at(0).bytes(), same = want.outputs.at(0).bytes();
    different += got.size() != same.size() || std::memcmp(got.data(), same.data(), same.size()) != 0;
    recoveries += answer.recoveries;
    ++answers;
    if (!loaded) ++while_loading;
    loaded = loading.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  const double took = std::chrono::duration<double>(steady_clock::now() - begin).count();
  TROUPE_TRY(const model second, loading.get());
  TROUPE_TRY(const auto parts, second.placement());
  std::sort(times.begin(), times.end());
  return nlohmann::json{{"answers", answers},       {"while_loading", while_loading},      {"different", different},
                        {"recoveries", recoveries}, {"median_s", times[times.size() / 2]}, {"worst_s", times.back()},
                        {"seconds", took},          {"bytes_moved", moved.load()},         {"node", parts.at(0).node}};
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) return 2;
  const auto measured = measure(words[1], words[2], words[3], words[4], std::chrono::seconds(std::atoi(words[5])));
  if (!measured) {
    fmt::print(stderr, "troupe_two_models: {}\n", measured.error().to_string());
    return 1;
  }
  fmt::print("{}\n", measured->dump());
}
