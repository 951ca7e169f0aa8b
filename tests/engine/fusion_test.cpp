// Passes that make one node of many. Each is checked on the real operators: what comes before and what comes after give
// the same for seeded inputs, up to the rounding of fp32.
#include <cmath>

#include "support/graph_builder.hpp"
#include "support/kernel_case.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using ints = std::vector<std::int64_t>;

graph optimized(graph model) {
  need(optimize(model, builtin_operators()));
  need(validate(model));
  return model;
}

std::size_t count(const graph& model, const std::string& op) {
  return static_cast<std::size_t>(
      std::count_if(model.nodes.begin(), model.nodes.end(), [&](const node& step) { return step.op == op; }));
}

/// `after` computes what `before` does.
void check_same(const graph& before, const graph& after, const std::vector<tensor>& inputs) {
  const auto want = reference_run(before, builtin_operators(), inputs);
  const auto got = reference_run(after, builtin_operators(), inputs);
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(compare(got[i], want[i], {1e-5, 1e-5}) == "");
}

graph_builder& size_of_rows(graph_builder& builder, const std::string& x, float epsilon) {
  return builder.floats("two", {}, {2})
      .floats("epsilon", {}, {epsilon})
      .step("Pow", {x, "two"}, {"squares"})
      .step("ReduceMean", {"squares"}, {"mean_square"}, {{"axes", ints{-1}}})
      .step("Add", {"mean_square", "epsilon"}, {"sum"})
      .step("Sqrt", {"sum"}, {"size"});
}

graph_builder layer_normalization(bool has_offset, bool swapped = false) {
  graph_builder builder;
  builder.input("x", dtype::f32, {2, 3, 8})
      .constant("scale", random_tensor({8}, 2))
      .constant("offset", random_tensor({8}, 3))
      .step("ReduceMean", {"x"}, {"mean"}, {{"axes", ints{-1}}})
      .step("Sub", {"x", "mean"}, {"centered"});
  size_of_rows(builder, "centered", 0.1f).step("Div", {"centered", "size"}, {"unit"});
  builder.step("Mul", swapped ? std::vector<std::string>{"scale", "unit"} : std::vector<std::string>{"unit", "scale"},
               {"scaled"});
  if (has_offset)
    builder.step("Add",
                 swapped ? std::vector<std::string>{"offset", "scaled"} : std::vector<std::string>{"scaled", "offset"},
                 {"y"});
  return builder;
}

/// 1 + erf(x / sqrt(2)) or its tanh form.
void add_gate(graph_builder& builder, bool tanh) {
  builder.input("x", dtype::f32, {3, 5}).floats("one", {}, {1}).floats("half", {}, {0.5f});
  if (tanh)
    builder.floats("three", {}, {3})
        .floats("bend", {}, {0.044715f})
        .floats("root", {}, {0.7978845608f})
        .step("Pow", {"x", "three"}, {"cube"})
        .step("Mul", {"cube", "bend"}, {"bent"})
        .step("Add", {"x", "bent"}, {"inner"})
        .step("Mul", {"inner", "root"}, {"scaled"})
        .step("Tanh", {"scaled"}, {"f"});
  else
    builder.floats("root", {}, {1.41421356f}).step("Div", {"x", "root"}, {"scaled"}).step("Erf", {"scaled"}, {"f"});
  builder.step("Add", {"f", "one"}, {"gate"});
}

/// Heads [2, 3, 4, 8] and keys [2, 3, 6, 8] as exporters write them: [batch, position, head, size] before a Transpose.
graph_builder attention(const std::string& mask, bool divides = true) {
  graph_builder builder;
  builder.input("q", dtype::f32, {2, 4, 3, 8})
      .input("k", dtype::f32, {2, 6, 3, 8})
      .input("v", dtype::f32, {2, 6, 3, 8})
      .floats("number", {}, {divides ? 2.0f : 0.5f})
      .step("Transpose", {"q"}, {"qt"}, {{"perm", ints{0, 2, 1, 3}}})
      .step("Transpose", {"k"}, {"kt"}, {{"perm", ints{0, 2, 3, 1}}})
      .step("Transpose", {"v"}, {"vt"}, {{"perm", ints{0, 2, 1, 3}}})
      .step("MatMul", {"qt", "kt"}, {"products"})
      .step(divides ? "Div" : "Mul", {"products", "number"}, {"scores"});
  std::string last = "scores";
  if (mask == "add") {
    builder.constant("mask", random_tensor({2, 1, 1, 6}, 7)).step("Add", {"scores", "mask"}, {"masked"});
    last = "masked";
  } else if (mask == "add_first") {
    builder.constant("mask", random_tensor({4, 6}, 7)).step("Add", {"mask", "scores"}, {"masked"});
    last = "masked";
  } else if (mask == "where" || mask == "where_nothing") {
    tensor shown = need(tensor::make(dtype::boolean, {1, 1, 4, 6}));
    if (mask == "where")
      for (std::size_t i = 0; i < 24; ++i) shown.as_mutable<bool>()[i] = i % 6 <= i / 6;
    builder.constant("shown", shown)
        .floats("hidden", {}, {-1e4f})
        .step("Where", {"shown", "scores", "hidden"}, {"masked"});
    last = "masked";
  }
  builder.step("Softmax", {last}, {"weights"}, {{"axis", std::int64_t{-1}}})
      .step("MatMul", {"weights", "vt"}, {"y"})
      .output("y");
  return builder;
}

const std::vector<tensor>& attention_inputs() {
  static const std::vector<tensor> inputs{random_tensor({2, 4, 3, 8}, 4), random_tensor({2, 6, 3, 8}, 5),
                                          random_tensor({2, 6, 3, 8}, 6)};
  return inputs;
}

}  // namespace

TEST_CASE("a LayerNormalization in pieces becomes one node") {
  for (const bool has_offset : {true, false})
    for (const bool swapped : {true, false}) {
      const graph before = layer_normalization(has_offset, swapped).output(has_offset ? "y" : "scaled").build();
      const graph after = optimized(before);
      CHECK(after.nodes.size() == 1);
      CHECK(count(after, "LayerNormalization") == 1);
      CHECK(after.nodes[0].inputs.size() == (has_offset ? 3u : 2u));
      check_same(before, after, {random_tensor({2, 3, 8}, 1, -1, 3)});
    }
}

TEST_CASE("what others read of a LayerNormalization in pieces stays") {
  const graph before = layer_normalization(true).output("y").output("centered").output("scaled").build();
  const graph after = optimized(before);
  check_same(before, after, {random_tensor({2, 3, 8}, 1, -1, 3)});
}

TEST_CASE("pieces that are no LayerNormalization are left alone") {
  graph_builder other_axis = layer_normalization(true);
  graph model = other_axis.output("y").build();
  for (node& step : model.nodes)
    if (step.op == "ReduceMean") step.attributes["axes"] = ints{1};
  CHECK(count(optimized(model), "LayerNormalization") == 0);
  graph power = layer_normalization(true).output("y").build();
  for (auto& [id, data] : power.constants)
    if (power.values[id].name == "two") data = need(tensor::from<float>({}, std::vector<float>{4}));
  CHECK(count(optimized(power), "LayerNormalization") == 0);
}

TEST_CASE("an RMSNormalization in pieces becomes one node, with a quotient and with a reciprocal") {
  for (const bool reciprocal : {true, false}) {
    graph_builder builder;
    builder.input("x", dtype::f32, {2, 3, 8}).constant("scale", random_tensor({8}, 2));
    size_of_rows(builder, "x", 0.1f);
    if (reciprocal)
      builder.step("Reciprocal", {"size"}, {"factor"}).step("Mul", {"x", "factor"}, {"unit"});
    else
      builder.step("Div", {"x", "size"}, {"unit"});
    const graph before = builder.step("Mul", {"scale", "unit"}, {"y"}).output("y").build();
    const graph after = optimized(before);
    CHECK(after.nodes.size() == 1);
    CHECK(count(after, "RMSNormalization") == 1);
    check_same(before, after, {random_tensor({2, 3, 8}, 1, -1, 3)});
  }
}

TEST_CASE("a Gelu in pieces becomes one node in every order of its factors") {
  for (const bool tanh : {false, true})
    for (const int order : {0, 1, 2}) {
      graph_builder builder;
      add_gate(builder, tanh);
      if (order == 0) builder.step("Mul", {"x", "gate"}, {"part"}).step("Mul", {"part", "half"}, {"y"});
      if (order == 1) builder.step("Mul", {"half", "x"}, {"part"}).step("Mul", {"part", "gate"}, {"y"});
      if (order == 2) builder.step("Mul", {"gate", "half"}, {"part"}).step("Mul", {"x", "part"}, {"y"});
      const graph before = builder.output("y").build();
      const graph after = optimized(before);
      INFO("tanh " << tanh << ", order " << order);
      CHECK(after.nodes.size() == 1);
      CHECK(count(after, "Gelu") == 1);
      check_same(before, after, {random_tensor({3, 5}, 1, -3, 3)});
    }
}

TEST_CASE("a gate of something else is no Gelu") {
  graph_builder builder;
  add_gate(builder, false);
  builder.input("z", dtype::f32, {3, 5});
  const graph model =
      builder.step("Mul", {"z", "gate"}, {"part"}).step("Mul", {"part", "half"}, {"y"}).output("y").build();
  CHECK(count(optimized(model), "Gelu") == 0);
}

TEST_CASE("products, Softmax and products become one Attention") {
  for (const std::string mask : {"", "add", "add_first", "where"})
    for (const bool divides : {true, false}) {
      INFO("mask \"" << mask << "\"");
      const graph before = attention(mask, divides).build();
      const graph after = optimized(before);
      CHECK(count(after, "Attention") == 1);
      CHECK(count(after, "MatMul") == 0);
      check_same(before, after, attention_inputs());
    }
}

TEST_CASE("a mask that hides all keys of a query keeps the nodes apart") {
  const graph before = attention("where_nothing").build();
  const graph after = optimized(before);
  CHECK(count(after, "Attention") == 0);
  check_same(before, after, attention_inputs());
}

TEST_CASE("a Softmax along another axis is no Attention") {
  graph model = attention("").build();
  for (node& step : model.nodes)
    if (step.op == "Softmax") step.attributes["axis"] = std::int64_t{2};
  CHECK(count(optimized(model), "Attention") == 0);
}

TEST_CASE("Transposes that undo each other disappear, across elementwise nodes") {
  const graph before = graph_builder()
                           .input("x", dtype::f32, {2, 3, 4, 5})
                           .floats("two", {}, {2})
                           .step("Transpose", {"x"}, {"a"}, {{"perm", ints{0, 2, 3, 1}}})
                           .step("Relu", {"a"}, {"b"})
                           .step("Mul", {"two", "b"}, {"c"})
                           .step("Tanh", {"c"}, {"d"})
                           .step("Transpose", {"d"}, {"y"}, {{"perm", ints{0, 3, 1, 2}}})
                           .output("y")
                           .build();
  const graph after = optimized(before);
  CHECK(count(after, "Transpose") == 0);
  CHECK(after.nodes.size() == 3);
  check_same(before, after, {random_tensor({2, 3, 4, 5}, 1)});
}

TEST_CASE("two Transposes of both operands move behind the node that joins them") {
  const graph before = graph_builder()
                           .input("x", dtype::f32, {2, 3, 4})
                           .input("z", dtype::f32, {2, 3, 4})
                           .step("Transpose", {"x"}, {"a"}, {{"perm", ints{1, 2, 0}}})
                           .step("Sigmoid", {"z"}, {"s"})
                           .step("Transpose", {"s"}, {"b"}, {{"perm", ints{1, 2, 0}}})
                           .step("Sub", {"a", "b"}, {"c"})
                           .step("Transpose", {"c"}, {"y"}, {{"perm", ints{1, 0, 2}}})
                           .output("y")
                           .build();
  const graph after = optimized(before);
  CHECK(count(after, "Transpose") == 1);
  check_same(before, after, {random_tensor({2, 3, 4}, 1), random_tensor({2, 3, 4}, 2)});
}

TEST_CASE("a Transpose whose result others read stays where it is") {
  const graph before = graph_builder()
                           .input("x", dtype::f32, {2, 3, 4})
                           .step("Transpose", {"x"}, {"a"}, {{"perm", ints{1, 2, 0}}})
                           .step("Relu", {"a"}, {"b"})
                           .step("Add", {"a", "b"}, {"y"})
                           .output("y")
                           .build();
  const graph after = optimized(before);
  CHECK(after.nodes.size() == 3);
  check_same(before, after, {random_tensor({2, 3, 4}, 1)});
}
