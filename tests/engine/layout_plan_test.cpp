// Bits are compared: rearranging moves elements and computes nothing.
#include "device/lowering/layout_plan.hpp"

#include "device/lowering/lowered_graph.hpp"
#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using list = std::vector<std::int64_t>;

lowering_target any_target() {
  return {.traits = {}, .storage = dtype::f16, .operands_max = 8, .has_kernel = [](std::string_view) { return true; }};
}

std::vector<std::string> shaders_of(const graph_builder& built, const std::vector<tensor>& inputs) {
  const auto operators = builtin_operators();
  const auto work = need(lower(need(specialize(built.build(), operators, inputs)), operators, any_target()));
  std::vector<std::string> made;
  for (const stage& part : work.stages)
    for (const dispatch& step : part.dispatches) made.emplace_back(step.shader);
  return made;
}

std::size_t count(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
}

/// Every kind of node that works in blocks, with channels that fill their blocks and others that do not.
graph_builder network(std::int64_t channels) {
  graph_builder built;
  built.input("x", dtype::f32, {-1, 12, 11, 9})
      .constant("w1", random_tensor({channels, 12, 3, 3}, 1, -0.2f, 0.2f))
      .constant("w2", random_tensor({channels, 1, 3, 3}, 2))
      .constant("w3", random_tensor({channels, channels, 1, 1}, 3, -0.2f, 0.2f))
      .constant("scale", random_tensor({1, channels, 1, 1}, 4))
      .step("Conv", {"x", "w1"}, {"a"}, {{"pads", list{1, 1, 1, 1}}})
      .step("Relu", {"a"}, {"b"})
      .step("MaxPool", {"b"}, {"c"},
            {{"kernel_shape", list{3, 3}}, {"pads", list{1, 1, 1, 1}}, {"strides", list{2, 1}}})
      .step("Conv", {"c", "w2"}, {"d"}, {{"group", channels}, {"pads", list{1, 1, 1, 1}}})
      .step("Mul", {"d", "scale"}, {"e"})
      .step("Conv", {"e", "w3"}, {"f"})
      .step("Add", {"c", "f"}, {"g"})
      .step("Concat", {"g", "c"}, {"h"}, {{"axis", std::int64_t{1}}})
      .step("AveragePool", {"h"}, {"i"}, {{"kernel_shape", list{2, 2}}})
      .step("GlobalAveragePool", {"i"}, {"j"})
      .output("j")
      .output("g")
      .output("i");
  return built;
}

/// The operators with as few nodes in blocks as the kernels allow: only those that always are.
std::shared_ptr<const operator_table> few_in_blocks() {
  auto table = std::make_shared<operator_table>();
  for (const auto& [name, definition] : builtin_operators()) {
    operator_definition changed = definition;
    if (name != "Conv" && name != "GlobalAveragePool") changed.layouts = nullptr;
    table->add(changed);
  }
  return table;
}

}  // namespace

TEST_CASE("a run of convolution-like nodes is rearranged at its ends only") {
  graph_builder built;
  built.input("x", dtype::f32, {1, 16, 8, 8})
      .constant("w", random_tensor({16, 16, 3, 3}, 1))
      .step("Conv", {"x", "w"}, {"a"}, {{"pads", list{1, 1, 1, 1}}})
      .step("Relu", {"a"}, {"b"})
      .step("Conv", {"b", "w"}, {"c"}, {{"pads", list{1, 1, 1, 1}}})
      .step("Add", {"b", "c"}, {"d"})
      .step("MaxPool", {"d"}, {"e"}, {{"kernel_shape", list{2, 2}}})
      .step("Softmax", {"e"}, {"f"})
      .output("f");
  const auto names = shaders_of(built, {random_tensor({1, 16, 8, 8}, 2)});
  CHECK(count(names, "to_blocks") == 1);
  CHECK(count(names, "from_blocks") == 1);
}

TEST_CASE("an image is read as it is, and pooled channels are given as they are") {
  graph_builder built;
  built.input("x", dtype::f32, {1, 3, 8, 8})
      .constant("w", random_tensor({16, 3, 3, 3}, 1))
      .constant("v", random_tensor({10, 16}, 1))
      .step("Conv", {"x", "w"}, {"a"})
      .step("GlobalAveragePool", {"a"}, {"b"})
      .step("Flatten", {"b"}, {"c"})
      .step("Gemm", {"c", "v"}, {"d"}, {{"transB", std::int64_t{1}}})
      .output("d");
  const auto names = shaders_of(built, {random_tensor({1, 3, 8, 8}, 2)});
  CHECK(count(names, "to_blocks") + count(names, "from_blocks") == 0);
}

TEST_CASE("a value that is needed in both layouts is rearranged once") {
  graph_builder built;
  built.input("x", dtype::f32, {1, 16, 4, 4})
      .constant("w", random_tensor({16, 16, 1, 1}, 1))
      .step("Conv", {"x", "w"}, {"a"})
      .step("Softmax", {"a"}, {"b"})
      .step("Softmax", {"a"}, {"c"}, {{"axis", std::int64_t{1}}})
      .step("Conv", {"a", "w"}, {"d"})
      .output("a")
      .output("b")
      .output("c")
      .output("d");
  CHECK(count(shaders_of(built, {random_tensor({1, 16, 4, 4}, 2)}), "from_blocks") == 2);
}

TEST_CASE("convolutions write to their part of the joined tensor, if it is theirs alone") {
  const auto copies = [](std::int64_t batch, bool twice) {
    graph_builder built;
    built.input("x", dtype::f32, {batch, 16, 16, 8})
        .constant("w", random_tensor({16, 16, 1, 1}, 1))
        .step("Conv", {"x", "w"}, {"a"})
        .step("Conv", {"a", "w"}, {"b"})
        .step("Concat", {"a", "b"}, {"c"}, {{"axis", std::int64_t{1}}})
        .step("Concat", {twice ? "b" : "x", "c"}, {"d"}, {{"axis", std::int64_t{1}}})
        .output("d");
    return count(shaders_of(built, {random_tensor({batch, 16, 16, 8}, 2)}), "copy");
  };
  CHECK(copies(1, false) == 1);  // of the input
  CHECK(copies(1, true) == 1);   // of what is elsewhere already
  CHECK(copies(2, false) == 4);
}

TEST_CASE("nodes without a convolution near them stay plain") {
  graph_builder built;
  built.input("x", dtype::f32, {1, 16, 4, 4})
      .step("Relu", {"x"}, {"a"})
      .step("Add", {"a", "x"}, {"b"})
      .step("MaxPool", {"b"}, {"c"}, {{"kernel_shape", list{2, 2}}})
      .output("c");
  const auto names = shaders_of(built, {random_tensor({1, 16, 4, 4}, 2)});
  CHECK(count(names, "to_blocks") + count(names, "from_blocks") == 0);
}

TEST_CASE("layouts change no bit of a result") {
  TROUPE_NEEDS_VULKAN();
  for (const std::int64_t channels : {16, 24, 13})
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      const std::int64_t batch = channels == 24 ? 2 : 1;  // of one image, parts are made in the joined tensor
      INFO(channels << " channels, " << to_string(storage));
      const auto built = network(channels);
      const std::vector inputs{random_tensor({batch, 12, 11, 9}, 5)};
      const auto all = need(open_device("", device_operators()));
      const auto few = need(open_device("", few_in_blocks()));
      const auto got = need(load_on(*all, built, storage)->run(inputs, soon()));
      CHECK(same(got, need(load_on(*few, built, storage)->run(inputs, soon()))));
      const auto want = by_reference(built, inputs);
      for (std::size_t i = 0; i < want.size(); ++i) {
        const auto a = got[i].as<float>(), b = want[i].as<float>();
        for (std::size_t k = 0; k < b.size(); ++k) REQUIRE(a[k] == Approx(b[k]).epsilon(1e-2).margin(1e-2));
      }
    }
}
