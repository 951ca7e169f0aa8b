// New weights for a model that runs: requests see one version each, sessions stay with theirs, nodes get what changed.
#include <atomic>
#include <thread>

#include "support/cached_session.hpp"
#include "troupe/system.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// y = x * w * w * w * w in four steps, each with a constant of `elements` of its own.
graph powers(float w, std::int64_t elements = 4, const std::string& op = "Mul") {
  graph made;
  value_id last = made.add_value({"x", dtype::f32, true, std::vector<dimension>{{elements, ""}}});
  made.inputs = {last};
  for (int i = 0; i < 4; ++i) {
    tensor weight = need(tensor::make(dtype::f32, shape{elements}));
    for (float& each : weight.as_mutable<float>()) each = w;
    const value_id constant = made.add_constant("w" + std::to_string(i), weight);
    node step;
    step.op = op;
    step.version = 14;
    step.inputs = {last, constant};
    last = made.add_value({"y" + std::to_string(i), dtype::f32, true, std::vector<dimension>{{elements, ""}}});
    step.outputs = {last};
    made.nodes.push_back(step);
  }
  made.outputs = {last};
  return made;
}

std::vector<tensor> ones(std::int64_t elements = 4) {
  tensor made = need(tensor::make(dtype::f32, shape{elements}));
  for (float& each : made.as_mutable<float>()) each = 1.0f;
  return {made};
}

float first_of(const run_result& answer) {
  return answer.outputs.at(0).as<float>()[0];
}

system_options on_reference() {
  system_options made;
  made.device = "reference";
  return made;
}

std::size_t models_of(const troupe::system& host) {
  std::size_t count = 0;
  for (const tree_node& child : host.tree().children) count += child.name.rfind("model", 0) == 0;
  return count;
}

bool comes_to(const troupe::system& host, std::size_t models) {
  for (int wait = 0; wait < 1000 && models_of(host) != models; ++wait) std::this_thread::sleep_for(10ms);
  return models_of(host) == models;
}

}  // namespace

TEST_CASE("while versions are published under load, each request is computed with one of them and says which") {
  auto host = need(troupe::system::make(on_reference()));
  const model loaded = need(host.load(powers(2), {.shards = 3}));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, runs{0};
  std::thread load([&] {
    while (!stop) {
      const auto answer = loaded.run(ones());
      const float w = answer ? static_cast<float>(1 + answer->version) : 0;
      if (!answer || first_of(*answer) != w * w * w * w) ++wrong;
      ++runs;
    }
  });
  for (int version = 2; version <= 6; ++version) {
    need(host.publish(loaded, powers(static_cast<float>(1 + version))));
    const auto after = need(loaded.run(ones()));
    CHECK(after.version == static_cast<std::uint64_t>(version));
    CHECK(first_of(after) == static_cast<float>((1 + version) * (1 + version) * (1 + version) * (1 + version)));
  }
  stop = true;
  load.join();
  CHECK(wrong == 0);
  CHECK(runs > 0);
  CHECK(comes_to(host, 1));  // the old versions are gone
}

TEST_CASE("a network of another structure is refused with what differs, and the old version stays") {
  auto host = need(troupe::system::make(on_reference()));
  const model loaded = need(host.load(powers(2)));
  graph renamed = powers(3);
  renamed.values[renamed.constants.rbegin()->first].name = "other";
  graph shorter = powers(3);
  shorter.nodes.pop_back();
  graph other_type = powers(3);
  other_type.constants.begin()->second = need(tensor::make(dtype::f16, shape{4}));
  const std::vector<std::pair<graph, std::string>> cases{{powers(3, 5), "[5]"},
                                                         {powers(3, 4, "Add"), "Add"},
                                                         {renamed, "\"other\""},
                                                         {shorter, "3 operators"},
                                                         {other_type, "float16[4]"}};
  for (const auto& [network, named] : cases) {
    const auto refused = host.publish(loaded, network);
    INFO(named);
    REQUIRE_FALSE(refused);
    INFO(refused.error().to_string());
    CHECK(refused.error().code() == errc::invalid_argument);
    CHECK(refused.error().message().find(named) != std::string::npos);
  }
  CHECK_FALSE(host.publish(loaded, "no such file.onnx"));
  CHECK(first_of(need(loaded.run(ones()))) == 16);
  CHECK(need(loaded.run(ones())).version == 1);

  const std::vector<graph> members{powers(2), powers(3)};
  const model ensemble = need(host.load_ensemble(members));
  CHECK(host.publish(ensemble, powers(3)).error().code() == errc::unsupported);
}

TEST_CASE("a handle to a version keeps it, and nothing is published to it") {
  auto host = need(troupe::system::make(on_reference()));
  const model loaded = need(host.load(powers(2)));
  {
    const model pinned = loaded.at_this_version();
    need(host.publish(loaded, powers(3)));
    CHECK(first_of(need(pinned.run(ones()))) == 16);
    CHECK(first_of(need(loaded.run(ones()))) == 81);
    CHECK(host.publish(pinned, powers(4)).error().code() == errc::unsupported);
    CHECK(models_of(host) == 2);
  }
  CHECK(comes_to(host, 1));
  CHECK(first_of(need(loaded.run(ones()))) == 81);
}

TEST_CASE("a session of a model with states stays with its version, and one that does not is told") {
  auto host = need(troupe::system::make(on_reference()));
  const model loaded = need(host.load(cached_network::make(2)));
  cached_session session(loaded.at_this_version(), 0);
  cached_session careless(loaded, 1);
  (void)need(session.try_next(4));
  (void)need(careless.try_next(4));
  need(host.publish(loaded, cached_network::make(2)));
  CHECK(session.try_next(3));
  const auto lost = careless.try_next(1);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == errc::state_lost);
}

TEST_CASE("a node gets the chunks that changed, and the same model again without any") {
  constexpr std::int64_t elements = 3 << 18;  // 3 MiB each: no two in one chunk
  auto far = need(troupe::system::make(on_reference()));
  const auto port = need(far.listen("127.0.0.1:0"));
  system_options options = on_reference();
  options.nodes = {"127.0.0.1:" + std::to_string(port)};
  auto near = need(troupe::system::make(options));
  std::atomic<std::uint64_t> told{0};
  load_options how;
  how.storage = dtype::f32;
  how.on_progress = [&](const load_progress& progress) {
    CHECK(progress.bytes_total == 4 * 4 * elements);
    told = progress.bytes_done;
  };
  graph network = powers(2, elements);
  // Four different tensors: equal ones would travel once.
  float w = 1;
  for (auto& [id, data] : network.constants) data.as_mutable<float>()[1] = w++;
  const auto moved = [](const model& of) { return need(of.placement()).at(0).weight_bytes_moved; };
  const model loaded = need(near.load(network, how));
  CHECK(moved(loaded) == 4 * 4 * elements);
  CHECK(told == 4 * 4 * elements);
  CHECK(first_of(need(loaded.run(ones(elements)))) == 16);

  network.constants.begin()->second.as_mutable<float>()[0] = 10;
  need(near.publish(loaded, network));
  CHECK(moved(loaded) == 4 * elements);
  CHECK(first_of(need(loaded.run(ones(elements)))) == 80);

  const model again = need(near.load(network, how));
  CHECK(moved(again) == 0);
  CHECK(first_of(need(again.run(ones(elements)))) == 80);
}
