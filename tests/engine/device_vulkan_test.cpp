#include <thread>

#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Every operator of one test graph is exact, so that fp32 storage gives the reference's bits.
graph_builder mixed_graph() {
  graph_builder built;
  built.input("x", dtype::f32, {-1, 3})
      .step("Relu", {"x"}, {"a"})
      .step("HostNegate", {"a"}, {"b"})
      .step("Flat", {"b"}, {"c"})
      .step("ReluTwice", {"c"}, {"d"})
      .step("Relu", {"a"}, {"e"})
      .output("d")
      .output("e")
      .output("x")
      .output("b");
  return built;
}

/// Many large dispatches: seconds of work on a software device.
graph_builder long_graph(std::int64_t elements, std::size_t nodes) {
  graph_builder built;
  built.input("v0", dtype::f32, {elements});
  for (std::size_t i = 0; i < nodes; ++i)
    built.step("Sigmoid", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  built.output("v" + std::to_string(nodes));
  return built;
}

struct counted_messages {
  message_log log;
  device_options options;
  counted_messages() {
    options.validation = true;
    options.on_message = log.sink();
  }
  void require_silence() const {
    for (const auto& message : log.all()) FAIL(message);
  }
};

}  // namespace

TEST_CASE("a mixed graph gives the reference's bits, with direct memory and through staging") {
  TROUPE_NEEDS_VULKAN();
  const auto built = mixed_graph();
  for (const bool staging : {false, true}) {
    INFO("staging only: " << staging);
    counted_messages messages;
    {
      const auto opened = need(open_vulkan(messages.options, {.staging_only = staging}));
      const auto loaded = load_on(*opened, built);
      for (const std::int64_t rows : {1, 2, 50, 2, 1000, 1}) {
        const std::vector inputs{random_tensor({rows, 3}, static_cast<std::uint64_t>(rows))};
        CHECK(same(need(loaded->run(inputs, soon())), by_reference(built, inputs)));
      }
      CHECK(loaded->stats().host_nodes == 1);
      CHECK(loaded->stats().dispatches == 4);
      CHECK((loaded->stats().staging_bytes > 0) == staging);
    }
    messages.require_silence();
  }
}

TEST_CASE("with fp16 storage results are the reference's, rounded once") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f32, {1000}).step("Relu", {"x"}, {"y"}).output("y");
  const std::vector inputs{random_tensor({1000}, 5, -1e5f, 1e5f)};
  const auto opened = need(open_vulkan());
  const auto got = need(load_on(*opened, built, dtype::f16)->run(inputs, soon()));
  const auto want = by_reference(built, inputs);
  const tensor rounded = need(convert(need(convert_to_storage(want[0], dtype::f16)), dtype::f32));
  CHECK(bitwise_equal(got[0], rounded));
}

TEST_CASE("declared types of inputs and outputs are kept") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f16, {8}).step("Relu", {"x"}, {"y"}).declare("y", dtype::f16, {8}).output("y");
  const auto opened = need(open_vulkan());
  const tensor x = random_tensor({8}, 9);
  const tensor x16 = need(convert(x, dtype::f16));
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto loaded = load_on(*opened, built, storage);
    const auto from_half = need(loaded->run(std::vector{x16}, soon()));
    const auto from_float = need(loaded->run(std::vector{x}, soon()));
    CHECK(from_half[0].type() == dtype::f16);
    CHECK(bitwise_equal(from_half[0], from_float[0]));
    CHECK(bitwise_equal(from_half[0], by_reference(built, {x16})[0]));
  }
}

TEST_CASE("a value that passes from input to output keeps its bits") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f32, {2}).step("Flat", {"x"}, {"y"}).output("x").output("y");
  const auto opened = need(open_vulkan());
  const std::vector inputs{floats_tensor({2}, {1e30f, 1.00001f})};
  const auto outputs = need(load_on(*opened, built, dtype::f16)->run(inputs, soon()));
  CHECK(bitwise_equal(outputs[0], inputs[0]));
  CHECK(bitwise_equal(outputs[1], inputs[0]));
}

TEST_CASE("more shapes than a program keeps ready still give right answers") {
  TROUPE_NEEDS_VULKAN();
  const auto built = mixed_graph();
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, built);
  for (int round = 0; round < 2; ++round)
    for (std::int64_t rows = 1; rows <= static_cast<std::int64_t>(limits::program_shapes_max) + 3; ++rows) {
      const std::vector inputs{random_tensor({rows, 3}, static_cast<std::uint64_t>(rows))};
      REQUIRE(same(need(loaded->run(inputs, soon())), by_reference(built, inputs)));
    }
  // Not one for each shape: variants of kernels for aligned and other rows, shared by all shapes.
  CHECK(loaded->stats().pipelines == 3);
}

TEST_CASE("a chain of equal values shares the memory of two, with a barrier between neighbours") {
  TROUPE_NEEDS_VULKAN();
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, long_graph(1024, 50));
  const auto stats = loaded->stats();
  CHECK(stats.arena_bytes == 2 * 4096);
  CHECK(stats.activation_bytes == 51 * 4096);
  CHECK(stats.dispatches == 50);
  CHECK(stats.barriers == 49);
}

TEST_CASE("constants are uploaded once, whatever the number of shapes") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f32, {-1, 4}).constant("w", random_tensor({4}, 8)).step("Add", {"x", "w"}, {"y"}).output("y");
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, built);
  const auto bytes = loaded->stats().weight_bytes;
  CHECK(bytes == 16);
  for (const std::int64_t rows : {1, 5, 9}) {
    const std::vector inputs{random_tensor({rows, 4}, 3)};
    CHECK(same(need(loaded->run(inputs, soon())), by_reference(built, inputs)));
    CHECK(loaded->stats().weight_bytes == bytes);
  }
}

TEST_CASE("prepared weights are made once for all shapes and all nodes, and their sources are dropped") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f32, {-1})
      .constant("c", random_tensor({8}, 8))
      .step("ReluOfSecond", {"x", "c"}, {"a"})
      .step("ReluOfSecond", {"x", "c"}, {"b"})
      .output("a")
      .output("b");
  for (const bool staging : {false, true}) {
    counted_messages messages;
    {
      const auto opened = need(open_vulkan(messages.options, {.staging_only = staging}));
      const auto loaded = load_on(*opened, built);
      for (const std::int64_t extent : {1, 5, 9}) {
        const std::vector inputs{random_tensor({extent}, 3)};
        CHECK(same(need(loaded->run(inputs, soon())), by_reference(built, inputs)));
        CHECK(loaded->stats().weight_bytes == 32);
        CHECK(loaded->stats().dispatches == 2);
      }
    }
    messages.require_silence();
  }
}

TEST_CASE("a request whose time is over or which is withdrawn ends at once") {
  TROUPE_NEEDS_VULKAN();
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, mixed_graph());
  const std::vector inputs{random_tensor({2, 3}, 1)};
  const auto late = loaded->run(inputs, steady_clock::now() - std::chrono::seconds(1));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == errc::deadline_exceeded);
  const cancellation cancel;
  cancel.cancel();
  const auto withdrawn = loaded->run(inputs, soon(), cancel);
  REQUIRE_FALSE(withdrawn);
  CHECK(withdrawn.error().code() == errc::cancelled);
  need(loaded->run(inputs, soon()));
}

TEST_CASE("a deadline in the middle of a long run is kept, and the program works afterwards") {
  TROUPE_NEEDS_VULKAN();
  const auto built = long_graph(1 << 20, 200);
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, built);
  const std::vector inputs{random_tensor({1 << 20}, 1)};
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(60);
  const auto late = loaded->run(inputs, deadline);
  const auto overshoot = steady_clock::now() - deadline;
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == errc::deadline_exceeded);
  // 50 ms are promised; the rest is what a loaded machine may take before it runs this thread again.
  CHECK(overshoot < std::chrono::milliseconds(250));
  const std::vector other{random_tensor({1 << 20}, 2)};
  const auto fresh = need(open_vulkan());
  CHECK(same(need(loaded->run(other, soon())), need(load_on(*fresh, built)->run(other, soon()))));
}

TEST_CASE("a cancellation from another thread ends a long run, and everything can be dropped at once") {
  TROUPE_NEEDS_VULKAN();
  counted_messages messages;
  {
    const auto opened = need(open_vulkan(messages.options));
    const auto loaded = load_on(*opened, long_graph(1 << 20, 200));
    const cancellation cancel;
    steady_clock::time_point cancelled_at;
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      cancelled_at = steady_clock::now();
      cancel.cancel();
    });
    const auto withdrawn = loaded->run(std::vector{random_tensor({1 << 20}, 1)}, soon(), cancel);
    const auto ended_at = steady_clock::now();
    other.join();
    REQUIRE_FALSE(withdrawn);
    CHECK(withdrawn.error().code() == errc::cancelled);
    CHECK(ended_at - cancelled_at < std::chrono::milliseconds(250));
  }
  messages.require_silence();
}

TEST_CASE("two programs of one device run from two threads") {
  TROUPE_NEEDS_VULKAN();
  counted_messages messages;
  {
    const auto opened = need(open_vulkan(messages.options));
    const auto built = mixed_graph();
    const std::vector inputs{random_tensor({64, 3}, 4)};
    const auto expected = by_reference(built, inputs);
    std::atomic<int> right = 0;
    const auto work = [&] {
      const auto loaded = opened->load(std::make_shared<const graph>(built.build()), {.storage = dtype::f32});
      if (!loaded) return;
      for (int i = 0; i < 50; ++i) {
        const auto outputs = (*loaded)->run(inputs, soon());
        if (outputs && same(*outputs, expected)) ++right;
      }
    };
    std::thread first(work), second(work);
    first.join();
    second.join();
    CHECK(right == 100);
  }
  messages.require_silence();
}

TEST_CASE("a program outlives its device") {
  TROUPE_NEEDS_VULKAN();
  auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, mixed_graph());
  opened.reset();
  need(loaded->run(std::vector{random_tensor({2, 3}, 1)}, soon()));
}

TEST_CASE("inputs that do not fit the graph are refused") {
  TROUPE_NEEDS_VULKAN();
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, mixed_graph());
  const auto refused = [&](std::vector<tensor> inputs) {
    const auto outcome = loaded->run(inputs, soon());
    return !outcome && outcome.error().code() == errc::invalid_argument;
  };
  CHECK(refused({}));
  CHECK(refused({random_tensor({2, 4}, 1)}));
  CHECK(refused({random_tensor({6}, 1)}));
  CHECK(refused({need(tensor::make(dtype::i64, {2, 3}))}));
}

TEST_CASE("an index that does not fit 32 bits is refused by value") {
  TROUPE_NEEDS_VULKAN();
  graph_builder built;
  built.input("x", dtype::f32, {4, 2}).input("i", dtype::i64, {2}).step("Gather", {"x", "i"}, {"y"}).output("y");
  const auto opened = need(open_vulkan());
  const auto loaded = load_on(*opened, built);
  const tensor x = random_tensor({4, 2}, 1);
  const std::vector good{x, ints_tensor({3, -4})};
  CHECK(same(need(loaded->run(good, soon())), by_reference(built, good)));
  const auto outcome = loaded->run(std::vector{x, ints_tensor({0, std::int64_t{1} << 40})}, soon());
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == errc::invalid_argument);
  CHECK(outcome.error().message().find("1099511627776") != std::string::npos);
}

TEST_CASE("a model that needs more memory than the device has is refused with both figures") {
  TROUPE_NEEDS_VULKAN();
  const auto opened = need(open_vulkan());
  // Each value fits one binding; what lives at the same time does not fit one allocation.
  const auto range = static_cast<std::int64_t>(opened->info().traits.storage_range_max / 4 / 1024);
  const auto values = opened->info().allocation_bytes_max / opened->info().traits.storage_range_max + 2;
  graph_builder built;
  built.input("x", dtype::f32, {-1, 1024});
  for (std::uint64_t i = 0; i < values; ++i) {
    const std::string name = "v" + std::to_string(i);
    built.step("Relu", {"x"}, {name}).output(name);
  }
  const auto loaded = load_on(*opened, built);
  const auto outcome = loaded->run(std::vector{need(tensor::make_uninitialized(dtype::f32, {range, 1024}))}, soon());
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == errc::out_of_memory);
  CHECK(outcome.error().message().find(std::to_string(opened->info().allocation_bytes_max)) != std::string::npos);
}

TEST_CASE("a profile has every dispatch and every host node once, in order, with times inside the run") {
  TROUPE_NEEDS_VULKAN();
  counted_messages messages;
  {
    const auto opened = need(open_vulkan(messages.options));
    const auto loaded = load_on(*opened, mixed_graph());
    const std::vector inputs{random_tensor({5000, 3}, 1)};
    // Profiled runs and plain ones may take turns.
    for (int turn = 0; turn < 2; ++turn) {
      const run_profile taken = need(loaded->profile(inputs, soon()));
      CHECK(same(need(loaded->run(inputs, soon())), by_reference(mixed_graph(), inputs)));
      REQUIRE(taken.nodes.size() == 5);
      std::size_t on_host = 0;
      double before = 0;
      for (const profiled_step& step : taken.steps) {
        CHECK(step.duration_us > 0);
        CHECK(step.begin_us >= before);
        CHECK(step.begin_us + step.duration_us <= taken.wall_us);
        before = step.begin_us;
        on_host += step.on_host();
        if (!step.on_host()) CHECK(step.bytes >= 2 * 15000 * sizeof(float));
        CHECK(taken.nodes.at(step.node).operations >= 15000);
      }
      CHECK(taken.steps.size() == 5);
      CHECK(on_host == 1);
      CHECK(taken.nodes[taken.steps[0].node].op == "Relu");
    }
    CHECK(loaded->profile(inputs, steady_clock::now() - std::chrono::seconds(1)).error().code() ==
          errc::deadline_exceeded);
  }
  messages.require_silence();
}

TEST_CASE("more weights to prepare than are held at a time are prepared in batches") {
  TROUPE_NEEDS_VULKAN();
  constexpr std::int64_t extent = 5'000'000;  // 20 MB each; a batch takes 32 MiB, a staging buffer 8
  graph_builder built;
  built.input("x", dtype::f32, {1});
  for (const char* name : {"a", "b", "c"})
    built.constant(name, random_tensor({extent}, static_cast<std::uint64_t>(*name)))
        .step("ReluOfSecond", {"x", name}, {std::string("relu_") + name})
        .output(std::string("relu_") + name);
  const std::vector inputs{random_tensor({1}, 3)};
  const auto want = by_reference(built, inputs);
  for (const bool staging : {false, true}) {
    counted_messages messages;
    {
      const auto opened = need(open_vulkan(messages.options, {.staging_only = staging}));
      const auto loaded = load_on(*opened, built);
      CHECK(same(need(loaded->run(inputs, soon())), want));
      CHECK(loaded->stats().weight_bytes == 3 * extent * sizeof(float));
    }
    messages.require_silence();
  }
}
