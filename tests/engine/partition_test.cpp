#include "troupe/engine/partition.hpp"

#include <numeric>

#include "graph/partition/cut_points.hpp"
#include "support/graph_builder.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

result<void> some_kernel(lowering_context&) {
  return {};
}

/// The toy operators; Relu, Identity and Add have kernels, so that their results are rounded to the storage type.
operator_table operators() {
  operator_table table = toy::operators();
  for (const char* name : {"Relu", "Identity", "Add"}) {
    operator_definition definition = *table.find(name);
    definition.lower = some_kernel;
    table.add(definition);
  }
  return table;
}

graph chain(std::size_t length, const std::vector<std::int64_t>& extents = {-1, 4}) {
  graph_builder builder;
  builder.input("v0", dtype::f32, extents);
  for (std::size_t i = 0; i < length; ++i)
    builder.step("Relu", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  return builder.declare("v" + std::to_string(length), dtype::f32, extents)
      .output("v" + std::to_string(length))
      .build();
}

std::vector<graph> parts_of(const graph& model, std::size_t stages, dtype storage = dtype::f16) {
  auto parts = need(cut_pipeline(model, stages, operators(), storage));
  REQUIRE(parts.size() == stages);
  for (std::size_t k = 0; k < stages; ++k) {
    need(validate(parts[k]));
    if (k > 0) REQUIRE(parts[k].inputs.size() == parts[k - 1].outputs.size());
  }
  REQUIRE(parts.front().inputs.size() == model.inputs.size());
  REQUIRE(parts.back().outputs.size() == model.outputs.size());
  return parts;
}

std::vector<tensor> run_parts(const std::vector<graph>& parts, std::vector<tensor> values, dtype storage) {
  for (const graph& part : parts) values = reference_run(part, operators(), values, storage);
  return values;
}

/// Any graph of toy operators over [4, 3] floats and shapes of theirs, some of it dead.
graph random_graph(random_source& random, std::size_t nodes) {
  graph_builder builder;
  builder.input("a", dtype::f32, {-1, 3}).input("b", dtype::f32, {-1, 3}).input("n", dtype::i64, {2});
  builder.constant("w", random_tensor({4, 3}, random.next()));
  builder.ints("none", {0, 0});
  std::vector<std::string> floats{"a", "b", "w"}, shapes{"n"};
  const auto any = [&](const std::vector<std::string>& names) {
    // Mostly recent values: long and short lifetimes side by side.
    const std::size_t back =
        random.below(3) == 0 ? random.below(names.size()) : random.below(std::min<std::size_t>(3, names.size()));
    return names[names.size() - 1 - back];
  };
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::string name = "v" + std::to_string(i);
    switch (random.below(6)) {
      case 0:
        builder.step("Shape", {any(floats)}, {name});
        shapes.push_back(name);
        break;
      case 1:
        builder.step("Add", {any(shapes), "none"}, {name});
        shapes.push_back(name);
        break;
      case 2:
        builder.step("Reshape", {any(floats), any(shapes)}, {name});
        floats.push_back(name);
        break;
      case 3:
        builder.step("Relu", {any(floats)}, {name});
        floats.push_back(name);
        break;
      default:
        builder.step("Add", {any(floats), any(floats)}, {name});
        floats.push_back(name);
        break;
    }
  }
  for (std::uint64_t i = 1 + random.below(3); i > 0; --i) builder.output(any(floats));
  if (random.below(2) == 0) builder.output(any(shapes));
  if (random.below(4) == 0) builder.output("a");
  if (random.below(4) == 0) builder.output("w");
  graph model = builder.build();
  // Some outputs are declared, as files do, and some are not.
  for (const value_id id : model.outputs)
    if (!model.values[id].type_known &&
        std::find(floats.begin(), floats.end(), model.values[id].name) != floats.end() && random.below(2) == 0) {
      model.values[id].type = dtype::f32;
      model.values[id].type_known = true;
    }
  return model;
}

}  // namespace

TEST_CASE("parts in sequence give the bits of the whole model") {
  const std::uint64_t seed = 20250131;
  CAPTURE(seed);
  random_source random(seed);
  std::size_t crossings = 0;
  for (int round = 0; round < 300; ++round) {
    const std::size_t nodes = 2 + random.below(30);
    const graph model = random_graph(random, nodes);
    graph folded = model;
    need(fold_constants(folded, operators()));
    if (folded.nodes.empty()) continue;
    const std::size_t stages = 1 + random.below(std::min<std::size_t>(folded.nodes.size(), 6));
    const dtype storage = random.below(3) == 0 ? dtype::f32 : dtype::f16;
    CAPTURE(round, nodes, stages, to_string(storage));
    const std::vector<tensor> inputs{random_tensor({4, 3}, random.next()), random_tensor({4, 3}, random.next()),
                                     ints_tensor({4, 3})};
    const auto parts = parts_of(model, stages, storage);
    for (const graph& part : parts) crossings += part.inputs.size();
    const auto whole = reference_run(model, operators(), inputs, storage);
    const auto joined = run_parts(parts, inputs, storage);
    REQUIRE(joined.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      CAPTURE(i, whole[i].describe(), joined[i].describe());
      REQUIRE(bitwise_equal(whole[i], joined[i]));
    }
  }
  CHECK(crossings > 1500);
}

TEST_CASE("values that kernels made travel as they lie in device memory") {
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto parts = parts_of(chain(6), 3, storage);
    for (std::size_t k = 0; k + 1 < parts.size(); ++k) CHECK(parts[k].values[parts[k].outputs[0]].type == storage);
    CHECK(parts.back().values[parts.back().outputs[0]].type == dtype::f32);
    CHECK(parts[0].values[parts[0].inputs[0]].describe() == "float32[?,4]");
  }
}

TEST_CASE("an output that an early part makes arrives in its declared type") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1, 4})
                          .step("Relu", {"x"}, {"early"})
                          .step("Relu", {"early"}, {"b"})
                          .step("Relu", {"b"}, {"c"})
                          .step("Add", {"early", "c"}, {"late"})
                          .declare("early", dtype::f32, {-1, 4})
                          .declare("late", dtype::f32, {-1, 4})
                          .output("early")
                          .output("late")
                          .build();
  const auto parts = parts_of(model, 4);
  for (std::size_t k = 0; k < 3; ++k)
    for (const value_id id : parts[k].outputs) CHECK(parts[k].values[id].type == dtype::f16);
  const auto values = run_parts(parts, {random_tensor({2, 4}, 3)}, dtype::f16);
  CHECK(values[0].type() == dtype::f32);
  CHECK(values[1].type() == dtype::f32);
}

TEST_CASE("weights go only to the parts that use them") {
  graph_builder builder;
  builder.input("v0", dtype::f32, {4});
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    builder.constant("w" + n, random_tensor({4}, 1)).step("Add", {"v" + n, "w" + n}, {"v" + std::to_string(i + 1)});
  }
  const auto parts = parts_of(builder.output("v4").build(), 4);
  for (const graph& part : parts) CHECK(part.constants.size() == 1);
}

TEST_CASE("integers that the host computes cross in their own type") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1, 4})
                          .step("Shape", {"x"}, {"s"})
                          .step("Relu", {"x"}, {"r"})
                          .step("Relu", {"r"}, {"q"})
                          .step("Reshape", {"q", "s"}, {"y"})
                          .output("y")
                          .build();
  const auto parts = parts_of(model, 4);
  const auto shape_at = parts[3].input_index("s");
  REQUIRE(shape_at);
  CHECK(parts[3].values[parts[3].inputs[*shape_at]].type == dtype::i64);
  CHECK(host_inputs(parts[3], operators()) == std::vector<std::size_t>{*shape_at});
}

TEST_CASE("shapes are declared where they are the same for all inputs, and only there") {
  const auto fixed = parts_of(chain(4, {2, 4}), 2);
  CHECK(fixed[1].values[fixed[1].inputs[0]].describe() == "float32[2,4]");
  graph model = chain(4);
  // A file may hint at the batch of the day it was exported.
  for (value_info& info : model.values)
    if (info.name == "v2") info.dims = std::vector<dimension>{{1, {}}, {4, {}}};
  const auto open = parts_of(model, 2);
  CHECK(!open[1].values[open[1].inputs[0]].dims);
  CHECK(run_parts(open, {random_tensor({7, 4}, 1)}, dtype::f16)[0].dims() == shape{7, 4});
}

TEST_CASE("work is spread evenly over the parts") {
  for (const std::size_t stages : {2, 3, 4, 6, 12}) {
    const auto parts = parts_of(chain(12), stages);
    for (const graph& part : parts) CHECK(part.nodes.size() == 12 / stages);
  }
}

TEST_CASE("of cuts that balance alike the one that moves fewer bytes is taken") {
  // Nodes 1 and 2 give a large value between them; before and after it values are small.
  const std::vector<std::uint64_t> work(100, 10);
  std::vector<std::uint64_t> bytes(101, 1000);
  bytes[51] = 1;
  CHECK(choose_cuts(work, bytes, 2) == std::vector<std::size_t>{51});
  bytes[51] = 1000;
  bytes[60] = 1;  // too far from the middle
  CHECK(choose_cuts(work, bytes, 2) != std::vector<std::size_t>{60});
}

TEST_CASE("cuts are as good as trying all of them") {
  const std::uint64_t seed = 77;
  CAPTURE(seed);
  random_source random(seed);
  for (int round = 0; round < 500; ++round) {
    const std::size_t count = 1 + random.below(9), stages = 1 + random.below(count);
    std::vector<std::uint64_t> work(count), bytes(count + 1);
    for (auto& amount : work) amount = 1 + random.below(random.below(2) == 0 ? 5 : 1000);
    for (auto& amount : bytes) amount = random.below(100);
    const auto evaluate = [&](const std::vector<std::size_t>& cuts) {
      std::uint64_t largest = 0, moved = 0;
      std::size_t from = 0;
      for (std::size_t k = 0; k <= cuts.size(); ++k) {
        const std::size_t to = k < cuts.size() ? cuts[k] : count;
        if (to <= from) return std::pair{~std::uint64_t{0}, ~std::uint64_t{0}};
        largest = std::max(largest, std::accumulate(work.begin() + static_cast<std::ptrdiff_t>(from),
                                                    work.begin() + static_cast<std::ptrdiff_t>(to), std::uint64_t{0}));
        if (k < cuts.size()) moved += bytes[to];
        from = to;
      }
      return std::pair{largest, moved};
    };
    std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
    for (std::uint64_t mask = 0; mask < (std::uint64_t{1} << (count - 1)); ++mask) {
      std::vector<std::size_t> cuts;
      for (std::size_t i = 1; i < count; ++i)
        if (mask >> (i - 1) & 1) cuts.push_back(i);
      if (cuts.size() + 1 == stages) all.push_back(evaluate(cuts));
    }
    const std::uint64_t best = std::min_element(all.begin(), all.end())->first;
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto& [largest, moved] : all)
      if (largest <= best + best / 20) least = std::min(least, moved);
    const auto chosen = evaluate(choose_cuts(work, bytes, stages));
    REQUIRE(chosen.first <= best + best / 20);
    REQUIRE(chosen.second == least);
  }
}

TEST_CASE("models that cannot be inferred before their inputs are known are cut by their weights") {
  // With every unknown extent 1 the operands do not fit; with the right input they do.
  graph_builder builder;
  builder.input("x", dtype::f32, {-1}).ints("dims", {2, 3});
  builder.step("Reshape", {"x", "dims"}, {"v0"});
  for (int i = 0; i < 3; ++i) builder.step("Relu", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  const graph model = builder.output("v3").build();
  const auto parts = parts_of(model, 2);
  const tensor x = random_tensor({6}, 5);
  CHECK(bitwise_equal(run_parts(parts, {x}, dtype::f16)[0], reference_run(model, operators(), {x}, dtype::f16)[0]));
}

TEST_CASE("parts that need nothing of one another are still valid") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {4})
                          .floats("w", {4}, {1, 2, 3, 4})
                          .step("Relu", {"x"}, {"unused"})
                          .step("Relu", {"unused"}, {"neither"})
                          .output("w")
                          .build();
  const auto parts = parts_of(model, 2);
  CHECK(bitwise_equal(run_parts(parts, {random_tensor({4}, 1)}, dtype::f16)[0], floats_tensor({4}, {1, 2, 3, 4})));
}

TEST_CASE("numbers of stages that make no sense are refused") {
  const auto refusal = [](std::size_t stages, dtype storage = dtype::f16) {
    const auto parts = cut_pipeline(chain(3), stages, operators(), storage);
    REQUIRE(!parts);
    return parts.error().message();
  };
  CHECK(contains(refusal(0), "0 stages"));
  CHECK(contains(refusal(4), "3 nodes"));
  CHECK(contains(refusal(limits::shards_max + 1), "257 stages"));
  CHECK(contains(refusal(2, dtype::i8), "int8"));
  CHECK(need(cut_pipeline(chain(3), 1, operators())).size() == 1);
}
