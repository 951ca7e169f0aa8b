// The facade over real actors and real Vulkan: every way to spread a model gives the bits of the plain run.
#include "troupe/system.hpp"

#include <atomic>
#include <thread>

#include "support/digits.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

system_options options(std::string device = {}) {
  system_options made;
  made.device = std::move(device);
  made.allow_fault_injection = true;
  made.restarts = {1000, 60s};
  return made;
}

tensor run_once(troupe::system& host, const tensor& batch, const load_options& how) {
  const model loaded = need(host.load(digits_network(), how));
  return need(loaded.run(std::vector<tensor>{batch})).outputs.at(0);
}

tensor plain_run(const tensor& batch) {
  auto host = need(troupe::system::make(options()));
  return run_once(host, batch, {});
}

}  // namespace

TEST_CASE("a pipeline of one, two, three and eight shards gives the same bits") {
  auto host = need(troupe::system::make(options()));
  const tensor batch = digits_batch(7);
  const tensor want = run_once(host, batch, {.shards = 1});
  for (const std::size_t shards : {2, 3, 8}) {
    INFO(shards << " shards");
    CHECK(bitwise_equal(run_once(host, batch, {.shards = shards}), want));
  }
}

TEST_CASE("a batch split evenly, at random or by weight gives the same bits in the same order") {
  auto host = need(troupe::system::make(options()));
  const tensor batch = digits_batch(11);
  const tensor want = run_once(host, batch, {});
  const auto with = [](split_policy split, std::vector<double> weights, std::uint64_t seed) {
    load_options made;
    made.parallel = parallel_mode::data;
    made.shards = 3;
    made.split = split;
    made.weights = std::move(weights);
    made.seed = seed;
    return made;
  };
  CHECK(bitwise_equal(run_once(host, batch, with(split_policy::even, {}, 0)), want));
  for (const std::uint64_t seed : {1, 2, 3})
    CHECK(bitwise_equal(run_once(host, batch, with(split_policy::random, {}, seed)), want));
  CHECK(bitwise_equal(run_once(host, batch, with(split_policy::weighted, {5, 1, 0.5}, 0)), want));
  CHECK(bitwise_equal(run_once(host, digits_batch(1), with(split_policy::even, {}, 0)),
                      run_once(host, digits_batch(1), {})));
}

TEST_CASE("an ensemble of equal models averages to the model, and votes with one voice") {
  auto host = need(troupe::system::make(options()));
  const tensor batch = digits_batch(5);
  const tensor want = run_once(host, batch, {});
  const std::vector<graph> twins{digits_network(), digits_network()};
  const auto outputs = [&](join_policy join, std::vector<double> weights) {
    load_options how;
    how.join = join;
    how.weights = std::move(weights);
    const model loaded = need(host.load_ensemble(twins, how));
    return need(loaded.run(std::vector<tensor>{batch})).outputs.at(0);
  };
  // 0.5 x + 0.5 x is exact in binary floating point.
  CHECK(bitwise_equal(outputs(join_policy::mean, {}), want));
  CHECK(bitwise_equal(outputs(join_policy::weighted_mean, {3, 3}), want));
  CHECK(bitwise_equal(outputs(join_policy::compare, {}), want));
  const tensor votes = outputs(join_policy::vote, {});
  const auto logits = want.as<float>();
  const auto counts = votes.as<float>();
  for (std::size_t row = 0; row < 5; ++row) {
    const auto best = std::max_element(logits.begin() + row * 10, logits.begin() + row * 10 + 10) - logits.begin();
    for (std::size_t i = row * 10; i < row * 10 + 10; ++i)
      CHECK(counts[i] == (static_cast<std::ptrdiff_t>(i) == best ? 2.0f : 0.0f));
  }
}

TEST_CASE("two, three and four slices come to nearly the same, and always to the same bits") {
  auto host = need(troupe::system::make(options()));
  const tensor batch = digits_batch(6);
  const tensor want = run_once(host, batch, {});
  for (const std::size_t shards : {2, 3, 4}) {
    INFO(shards << " slices");
    load_options how;
    how.parallel = parallel_mode::tensor;
    how.shards = shards;
    const model loaded = need(host.load(digits_network(), how));
    CHECK(need(loaded.placement()).size() == shards);
    const tensor got = need(loaded.run(std::vector<tensor>{batch})).outputs.at(0);
    for (std::size_t i = 0; i < want.elements(); ++i)
      CHECK(got.as<float>()[i] == Approx(want.as<float>()[i]).margin(0.02));
    CHECK(bitwise_equal(need(loaded.run(std::vector<tensor>{batch})).outputs.at(0), got));
  }
}

TEST_CASE("the reference device serves where Vulkan does, and comes to nearly the same") {
  auto host = need(troupe::system::make(options("reference")));
  const tensor batch = digits_batch(3);
  const tensor want = run_once(host, batch, {.shards = 2});
  const tensor got = plain_run(batch);
  for (std::size_t i = 0; i < want.elements(); ++i)
    CHECK(got.as<float>()[i] == Approx(want.as<float>()[i]).margin(0.05));
}

TEST_CASE("a shard killed at a random moment costs time and not one bit") {
  auto host = need(troupe::system::make(options()));
  const std::uint64_t seed = 31;
  random_source random(seed);
  const tensor batch = digits_batch(64);
  for (const auto mode : {parallel_mode::pipeline, parallel_mode::data, parallel_mode::tensor}) {
    load_options how;
    how.parallel = mode;
    how.shards = 2;
    const model loaded = need(host.load(digits_network(), how));
    const tensor want = need(loaded.run(std::vector<tensor>{batch})).outputs.at(0);
    // A slice has a program for each segment to load again, which takes longer.
    for (int round = 0; round < (mode == parallel_mode::tensor ? 3 : 10); ++round) {
      INFO("seed " << seed << ", round " << round);
      std::thread killer([&, part = static_cast<std::uint32_t>(random.below(2)), pause = random.below(12'000)] {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        (void)host.kill_part(loaded, part);  // refused while the part is being restarted, which is fine
      });
      for (int run = 0; run < 3; ++run) {
        const auto answer = loaded.run(std::vector<tensor>{batch}, {.deadline = 30s});
        if (!answer) killer.join();
        const auto outputs = need(answer).outputs;
        if (!bitwise_equal(outputs.at(0), want)) killer.join();
        REQUIRE(bitwise_equal(outputs.at(0), want));
      }
      killer.join();
    }
  }
}

TEST_CASE("a model that cannot be kept alive ends with one typed error") {
  auto fragile = options();
  fragile.restarts = {0, 60s};  // the first crash is one too many
  auto host = need(troupe::system::make(fragile));
  const model loaded = need(host.load(digits_network(), {.shards = 2}));
  need(host.kill_part(loaded, 0));
  std::optional<result<run_result>> answer;
  for (int attempt = 0; attempt < 50 && (!answer || *answer); ++attempt) {
    answer = loaded.run(std::vector<tensor>{digits_batch(1)}, {.deadline = 5s});
    std::this_thread::sleep_for(10ms);
  }
  REQUIRE_FALSE(answer->has_value());
  CHECK(answer->error().code() == errc::unavailable);
}

TEST_CASE("wrong inputs are refused before anything is sent") {
  auto host = need(troupe::system::make(options()));
  const model loaded = need(host.load(digits_network()));
  const auto no_input = loaded.run({});
  REQUIRE_FALSE(no_input);
  CHECK(no_input.error().code() == errc::invalid_argument);
  const auto wrong_shape = loaded.run(std::vector<tensor>{random_tensor({1, 3, 8, 8}, 1)});
  REQUIRE_FALSE(wrong_shape);
  CHECK(wrong_shape.error().to_string().find("image") != std::string::npos);
}

TEST_CASE("impossible options are refused with a sentence") {
  auto host = need(troupe::system::make(options()));
  CHECK(host.load(digits_network(), {.shards = 300}).error().code() == errc::invalid_argument);
  CHECK(host.load(digits_network(), {.shards = 200}).error().code() == errc::invalid_argument);
  load_options weights;
  weights.parallel = parallel_mode::data;
  weights.shards = 2;
  weights.split = split_policy::weighted;
  weights.weights = {1, -1};
  CHECK(host.load(digits_network(), weights).error().code() == errc::invalid_argument);
  CHECK_FALSE(troupe::system::make(options("no such device")));
  CHECK_FALSE(host.listen("192.168.1.1:0"));
  auto unreachable = options();
  unreachable.nodes = {"127.0.0.1:1"};
  CHECK_FALSE(troupe::system::make(unreachable));
}

TEST_CASE("a deadline that is too short is answered as such") {
  auto host = need(troupe::system::make(options()));
  const model loaded = need(host.load(digits_network()));
  const auto answer = loaded.run(std::vector<tensor>{digits_batch(512)}, {.deadline = 1ms});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == errc::deadline_exceeded);
}

TEST_CASE("many requests at once are all answered, each with its own result") {
  auto host = need(troupe::system::make(options()));
  const model loaded = need(host.load(digits_network(), {.shards = 2}));
  std::vector<tensor> want;
  for (std::size_t i = 1; i <= 8; ++i)
    want.push_back(need(loaded.run(std::vector<tensor>{digits_batch(i)})).outputs[0]);
  std::atomic<int> answered{0}, right{0};
  for (int round = 0; round < 8; ++round)
    for (std::size_t i = 1; i <= 8; ++i)
      loaded.submit({digits_batch(i)}, {.deadline = 60s}, [&, i](result<run_result> answer) {
        if (answer && bitwise_equal(answer->outputs[0], want[i - 1])) ++right;
        ++answered;
      });
  for (int wait = 0; wait < 6000 && answered < 64; ++wait) std::this_thread::sleep_for(10ms);
  CHECK(answered == 64);
  CHECK(right == 64);
}

TEST_CASE("the tree shows every actor, and a restart") {
  auto host = need(troupe::system::make(options()));
  const model loaded = need(host.load(digits_network(), {.shards = 2}));
  need(host.kill_part(loaded, 1));
  (void)need(loaded.run(std::vector<tensor>{digits_batch(1)}, {.deadline = 30s}));
  const tree_node tree = host.tree();
  const auto find = [](const tree_node& parent, const std::string& name) -> const tree_node* {
    for (const tree_node& child : parent.children)
      if (child.name == name) return &child;
    return nullptr;
  };
  const tree_node* node = find(tree, "node");
  REQUIRE(node);
  REQUIRE(node->children.size() == 2);
  const tree_node* family = find(tree, "model 1");
  REQUIRE(family);
  CHECK(find(*family, "aggregator"));
  CHECK(find(*family, "coordinator"));
  const tree_node* part = find(*node, "part 1");
  REQUIRE(part);
  REQUIRE(part->children.size() == 1);
  CHECK(part->children[0].restarts == 1);
  CHECK_FALSE(part->children[0].detail.empty());
}

TEST_CASE("unloading a model frees its parts, and a model may outlive its system") {
  std::optional<model> survivor;
  {
    auto host = need(troupe::system::make(options()));
    {
      const model loaded = need(host.load(digits_network(), {.shards = 3}));
      CHECK(host.tree().children.size() == 3);  // node, membership, model
    }
    for (int wait = 0; wait < 500 && host.tree().children.size() > 2; ++wait) std::this_thread::sleep_for(10ms);
    CHECK(host.tree().children.size() == 2);
    CHECK(host.tree().children[0].children.empty());
    survivor = need(host.load(digits_network()));
  }
  const auto answer = survivor->run(std::vector<tensor>{digits_batch(1)});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == errc::unavailable);
}

TEST_CASE("two systems of one program are nodes to each other") {
  auto far_options = options();
  far_options.name = "far";
  auto far = need(troupe::system::make(far_options));
  const auto port = need(far.listen("127.0.0.1:0"));
  auto near_options = options();
  near_options.nodes = {"127.0.0.1:" + std::to_string(port)};
  auto near = need(troupe::system::make(near_options));
  const tensor batch = digits_batch(9);
  const tensor want = run_once(far, batch, {});
  CHECK(bitwise_equal(run_once(near, batch, {.shards = 2}), want));
  const model loaded = need(near.load(digits_network(), {.shards = 2}));
  for (const auto& part : need(loaded.placement())) CHECK(part.node == "far");
  need(near.kill_part(loaded, 0));
  const auto again = need(loaded.run(std::vector<tensor>{batch}, {.deadline = 30s}));
  CHECK(bitwise_equal(again.outputs[0], want));
}
