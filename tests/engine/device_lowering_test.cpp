#include "device/lowering/lowered_graph.hpp"

#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

lowering_target some_target() {
  return {.traits = {}, .storage = dtype::f16, .operands_max = 8, .has_kernel = [](std::string_view name) {
            return name == "unary";
          }};
}

result<lowered_graph> lower_built(const graph_builder& built, const std::vector<tensor>& inputs,
                                  const lowering_target& target = some_target()) {
  const auto operators = device_operators();
  TROUPE_TRY(auto model, specialize(built.build(), *operators, inputs));
  return lower(std::move(model), *operators, target);
}

std::vector<std::string> names(const lowered_graph& work, const std::vector<value_id>& ids) {
  std::vector<std::string> made;
  for (const value_id id : ids) made.push_back(work.value(id).name);
  return made;
}

/// A graph of `count` nodes over values of one size, some on the host, some views, some with scratch memory.
graph_builder random_graph(random_source& random, std::size_t count) {
  static const std::vector<std::string> ops{"Relu", "Relu", "Sigmoid", "ReluTwice", "Flat", "HostNegate"};
  graph_builder built;
  std::vector<std::string> made{"v0", "v1"};
  built.input("v0", dtype::f32, {40}).input("v1", dtype::f32, {40});
  for (std::size_t i = 0; i < count; ++i) {
    const std::string from = made[random.below(made.size())];
    made.push_back("v" + std::to_string(made.size()));
    built.step(ops[random.below(ops.size())], {from}, {made.back()});
  }
  for (std::size_t i = 0; i <= random.below(3); ++i) built.output(made[random.below(made.size())]);
  return built;
}

/// Plays a lowered graph on an arena whose words remember who wrote them, and requires that every read finds what it
/// expects: lifetimes and offsets together keep every value intact for as long as it is needed.
void require_intact_values(const lowered_graph& work) {
  const memory_plan plan = plan_memory(work.lifetimes, 16);
  std::vector<std::uint32_t> owner(plan.bytes / 16, 0xffffffffu);
  const auto words = [&](std::uint32_t slot) {
    const memory_slot& root = work.slots[work.slots[slot].root];
    const std::uint64_t begin = plan.offsets[root.lifetime] / 16;
    return std::span(owner).subspan(begin, (root.bytes + 15) / 16);
  };
  const auto check_read = [&](std::uint32_t slot) {
    if (work.slots[work.slots[slot].root].home != slot_home::arena) return;
    const std::uint32_t root = work.slots[slot].root;
    for (const std::uint32_t word : words(slot)) REQUIRE(word == root);
  };
  const auto write = [&](std::uint32_t slot) {
    for (std::uint32_t& word : words(slot)) word = work.slots[slot].root;
  };
  for (const stage& part : work.stages) {
    for (const value_id id : part.uploads) write(id);
    for (const dispatch& step : part.dispatches) {
      for (const auto& operand : step.operands)
        if (!operand.written) check_read(operand.slot);
      for (const auto& operand : step.operands)
        if (operand.written) write(operand.slot);
    }
    for (const value_id id : part.downloads) check_read(id);
  }
}

}  // namespace

TEST_CASE("nodes on the host cut the work into stages, and only what crosses is moved") {
  graph_builder built;
  built.input("x", dtype::f32, {4})
      .step("Relu", {"x"}, {"a"})
      .step("Sigmoid", {"a"}, {"b"})
      .step("HostNegate", {"b"}, {"c"})
      .step("Relu", {"c"}, {"d"})
      .output("d");
  const auto work = need(lower_built(built, {random_tensor({4}, 1)}));
  REQUIRE(work.stages.size() == 2);
  CHECK(work.stages[0].host_nodes.empty());
  CHECK(names(work, work.stages[0].uploads) == std::vector<std::string>{"x"});
  CHECK(work.stages[0].dispatches.size() == 2);
  CHECK(names(work, work.stages[0].downloads) == std::vector<std::string>{"b"});
  CHECK(work.stages[1].host_nodes.size() == 1);
  CHECK(names(work, work.stages[1].uploads) == std::vector<std::string>{"c"});
  CHECK(names(work, work.stages[1].downloads) == std::vector<std::string>{"d"});
}

TEST_CASE("independent host nodes share one change of sides") {
  graph_builder built;
  built.input("x", dtype::f32, {4});
  for (const char* branch : {"a", "b", "c"}) {
    const std::string name = branch;
    built.step("Relu", {"x"}, {name + "1"}).step("HostNegate", {name + "1"}, {name + "2"});
    built.step("Relu", {name + "2"}, {name + "3"}).output(name + "3");
  }
  CHECK(need(lower_built(built, {random_tensor({4}, 1)})).stages.size() == 2);
}

TEST_CASE("a view costs nothing and keeps its source alive") {
  graph_builder built;
  built.input("x", dtype::f32, {2, 2})
      .step("Relu", {"x"}, {"a"})
      .step("Flat", {"a"}, {"b"})
      .step("Sigmoid", {"x"}, {"c"})
      .step("Relu", {"c"}, {"d"})
      .step("Relu", {"b"}, {"e"})
      .output("d")
      .output("e");
  const auto work = need(lower_built(built, {random_tensor({2, 2}, 1)}));
  CHECK(work.dispatch_count() == 4);
  require_intact_values(work);
}

TEST_CASE("what only passes through does not touch the device") {
  graph_builder built;
  built.input("x", dtype::f32, {2, 2})
      .step("Flat", {"x"}, {"flat"})
      .step("HostNegate", {"flat"}, {"y"})
      .output("x")
      .output("flat")
      .output("y");
  const auto work = need(lower_built(built, {random_tensor({2, 2}, 1)}));
  for (const stage& part : work.stages) CHECK_FALSE(part.on_device());
  CHECK(work.lifetimes.empty());
}

TEST_CASE("what depends on constants alone is prepared once instead of at every run") {
  graph_builder built;
  built.input("x", dtype::f32, {2})
      .input("w", dtype::f32, {3})
      .constant("c", random_tensor({3}, 1))
      .step("ReluOfSecond", {"x", "c"}, {"a"})
      .step("ReluOfSecond", {"x", "w"}, {"b"})
      .output("a")
      .output("b");
  const auto work = need(lower_built(built, {random_tensor({2}, 1), random_tensor({3}, 2)}));
  REQUIRE(work.preparations.size() == 1);
  CHECK(work.dispatch_count() == 3);
  CHECK(names(work, work.preparation_constants) == std::vector<std::string>{"c"});
  CHECK(work.device_constants.empty());
  CHECK(work.slots[work.preparations[0].operands[1].slot].home == slot_home::prepared);
  require_intact_values(work);
}

TEST_CASE("integers, doubles and empty tensors stay on the host") {
  for (const auto& [type, extent] :
       std::vector<std::pair<dtype, std::int64_t>>{{dtype::i64, 4}, {dtype::f64, 4}, {dtype::f32, 0}}) {
    graph_builder built;
    built.input("x", type, {extent}).step("Relu", {"x"}, {"y"}).output("y");
    const auto work = need(lower_built(built, {need(tensor::make(type, {extent}))}));
    CHECK(work.dispatch_count() == 0);
    CHECK(work.host_node_count() == 1);
  }
}

TEST_CASE("a tensor larger than one binding is refused by name") {
  lowering_target small = some_target();
  small.traits.storage_range_max = 64;
  graph_builder built;
  built.input("x", dtype::f32, {33}).step("Relu", {"x"}, {"y"}).output("y");
  const auto work = lower_built(built, {random_tensor({33}, 1)}, small);
  REQUIRE_FALSE(work);
  CHECK(work.error().code() == errc::unsupported);
  CHECK(work.error().message().find("\"x\" takes 66 bytes") != std::string::npos);
}

TEST_CASE("dispatches that the device cannot run are refused") {
  graph_builder built;
  built.input("x", dtype::f32, {4}).step("Relu", {"x"}, {"y"}).output("y");
  const std::vector inputs{random_tensor({4}, 1)};
  lowering_target without_kernels = some_target();
  without_kernels.has_kernel = [](std::string_view) { return false; };
  CHECK(lower_built(built, inputs, without_kernels).error().code() == errc::internal);
  lowering_target few_operands = some_target();
  few_operands.operands_max = 1;
  CHECK(lower_built(built, inputs, few_operands).error().code() == errc::unsupported);
  lowering_target few_groups = some_target();
  few_groups.traits.group_count_max = {1, 1, 1};
  CHECK(need(lower_built(built, inputs, few_groups)).dispatch_count() == 1);
  graph_builder large;
  large.input("x", dtype::f32, {4097}).step("Relu", {"x"}, {"y"}).output("y");
  CHECK(lower_built(large, {random_tensor({4097}, 1)}, few_groups).error().code() == errc::unsupported);
}

TEST_CASE("in random graphs no value is overwritten while it is needed") {
  std::size_t shared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    const auto built = random_graph(random, 1 + random.below(60));
    const auto work = need(lower_built(built, {random_tensor({40}, 1), random_tensor({40}, 2)}));
    require_intact_values(work);
    const memory_plan plan = plan_memory(work.lifetimes, 16);
    shared += plan.bytes < plan.bytes_unshared;
  }
  CHECK(shared > 100);
}
