#include "troupe/engine/specialize.hpp"

#include <new>

#include "support/graph_builder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

specialized_graph specialized(const graph& model, const std::vector<tensor>& inputs) {
  specialized_graph made = need(specialize(model, toy::operators(), inputs));
  need(validate(made.graph));
  return made;
}

std::string refusal(const graph& model, const std::vector<tensor>& inputs) {
  const auto made = specialize(model, toy::operators(), inputs);
  REQUIRE(!made);
  return made.error().to_string();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

graph relu_model(std::vector<std::int64_t> extents = {-1, 3}) {
  return graph_builder().input("x", dtype::f32, extents).step("Relu", {"x"}, {"y"}).output("y").build();
}

}  // namespace

TEST_CASE("every value that is used has a type and a shape after specialisation") {
  const auto made = specialized(relu_model(), {random_tensor({5, 3}, 1)});
  REQUIRE(made.graph.nodes.size() == 1);
  const value_id y = made.graph.outputs[0];
  CHECK(made.dims[y] == shape{5, 3});
  CHECK(made.graph.values[y].type_known);
  CHECK(made.graph.values[y].type == dtype::f32);
  CHECK(made.graph.values[y].describe() == "float32[5,3]");
}

TEST_CASE("inputs that contradict their declaration are refused with both sides named") {
  const graph model = relu_model();
  CHECK(contains(refusal(model, {}), "0 inputs are given, but the model takes 1"));
  CHECK(
      contains(refusal(model, {random_tensor({5, 4}, 1)}), "\"x\" is float32[5,4], but the model takes float32[?,3]"));
  CHECK(contains(refusal(model, {random_tensor({3}, 1)}), "float32[3]"));
  CHECK(contains(refusal(model, {need(tensor::make(dtype::i64, {1, 3}))}), "int64[1,3]"));
  CHECK(contains(refusal(relu_model({2}), {need(tensor::make(dtype::f32, {2})).rows(0, 1).value()}), "float32[1]"));
}

TEST_CASE("any floating-point type is taken where the model declares one") {
  for (const dtype type : {dtype::f16, dtype::f32, dtype::f64}) {
    const auto made = specialized(relu_model(), {need(tensor::make(type, {2, 3}))});
    CHECK(made.graph.values[made.graph.outputs[0]].type == dtype::f32);
  }
}

TEST_CASE("one symbol stands for one extent in all inputs") {
  graph model = graph_builder()
                    .input("a", dtype::f32, {-1, 2})
                    .input("b", dtype::f32, {-1, 2})
                    .step("Add", {"a", "b"}, {"y"})
                    .output("y")
                    .build();
  for (const value_id id : model.inputs) (*model.values[id].dims)[0].symbol = "batch";
  need(check_inputs(model, std::vector<tensor>{random_tensor({4, 2}, 1), random_tensor({4, 2}, 2)}));
  const auto refused = check_inputs(model, std::vector<tensor>{random_tensor({4, 2}, 1), random_tensor({3, 2}, 2)});
  REQUIRE(!refused);
  CHECK(contains(refused.error().message(), "batch"));
  CHECK(contains(refused.error().message(), "\"b\""));
}

TEST_CASE("nodes of constants are folded and their weights disappear") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {2})
                          .floats("a", {2}, {1, 2})
                          .floats("b", {2}, {10, 20})
                          .step("Add", {"a", "b"}, {"c"})
                          .step("Add", {"x", "c"}, {"y"})
                          .output("y")
                          .build();
  const auto made = specialized(model, {random_tensor({2}, 1)});
  REQUIRE(made.graph.nodes.size() == 1);
  REQUIRE(made.graph.constants.size() == 1);
  CHECK(bitwise_equal(made.graph.constants.begin()->second, floats_tensor({2}, {11, 22})));
}

TEST_CASE("the shape of a run-time value is known before the run") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1, -1})
                          .input("z", dtype::f32, {-1})
                          .step("Relu", {"x"}, {"r"})
                          .step("Shape", {"r"}, {"s"})
                          .step("Reshape", {"z", "s"}, {"y"})
                          .output("y")
                          .build();
  CHECK(host_inputs(model, toy::operators()).empty());
  const auto made = specialized(model, {random_tensor({4, 6}, 1), random_tensor({24}, 2)});
  CHECK(made.dims[made.graph.outputs[0]] == shape{4, 6});
  REQUIRE(made.graph.nodes.size() == 1);  // Relu's only reader was Shape
  CHECK(made.graph.nodes[0].op == "Reshape");
  CHECK(contains(refusal(model, {random_tensor({4, 6}, 1), random_tensor({25}, 2)}),
                 "inferring the shape of Reshape \"y_node\""));
}

TEST_CASE("inputs that decide a shape are found through whatever nodes lie between") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1})
                          .input("unrelated", dtype::i64, {1})
                          .input("want", dtype::i64, {2})
                          .ints("one", {1})
                          .step("Add", {"want", "one"}, {"more"})
                          .step("Identity", {"more"}, {"same"})
                          .step("Reshape", {"x", "same"}, {"y"})
                          .step("Reshape", {"x", "unrelated"}, {"dead"})
                          .output("y")
                          .build();
  CHECK(host_inputs(model, toy::operators()) == std::vector<std::size_t>{2});
  const auto made = specialized(model, {random_tensor({12}, 1), ints_tensor({0}), ints_tensor({1, 5})});
  CHECK(made.dims[made.graph.outputs[0]] == shape{2, 6});
  REQUIRE(made.graph.nodes.size() == 1);
  const value_id contents = made.graph.nodes[0].inputs[1];
  REQUIRE(made.graph.constants.count(contents) == 1);
  CHECK(bitwise_equal(made.graph.constants.at(contents), ints_tensor({2, 6})));
}

TEST_CASE("a host operand that is an input of the model becomes a constant of the specialised graph") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1})
                          .input("want", dtype::i64, {-1})
                          .step("Reshape", {"x", "want"}, {"y"})
                          .output("y")
                          .output("want")
                          .build();
  const auto made = specialized(model, {random_tensor({12}, 1), ints_tensor({3, -1})});
  REQUIRE(made.graph.inputs.size() == 2);
  REQUIRE(made.graph.nodes.size() == 1);
  CHECK(bitwise_equal(made.graph.constants.at(made.graph.nodes[0].inputs[1]), ints_tensor({3, -1})));
  CHECK(made.graph.outputs[1] == made.graph.inputs[1]);
  CHECK(made.dims.size() == made.graph.values.size());
}

TEST_CASE("arithmetic on an input that also decides a shape stays the run's work") {
  const graph model = graph_builder()
                          .input("want", dtype::i64, {1})
                          .ints("one", {1})
                          .step("ConstantOfShape", {"want"}, {"ones"})
                          .step("Add", {"want", "one"}, {"more"})
                          .output("ones")
                          .output("more")
                          .build();
  const auto made = specialized(model, {ints_tensor({4})});
  REQUIRE(made.graph.nodes.size() == 2);
  CHECK(made.dims[made.graph.outputs[0]] == shape{4});
}

TEST_CASE("a kernel's work that depends on a run-time shape is folded in no graph, so that parts of it round alike") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {-1})
                          .floats("half", {1}, {0.5f})
                          .step("Shape", {"x"}, {"s"})
                          .step("ConstantOfShape", {"s"}, {"ones"})
                          .step("Add", {"ones", "half"}, {"y"})
                          .step("Add", {"s", "s"}, {"twice"})
                          .output("y")
                          .output("twice")
                          .build();
  operator_table operators = toy::operators();
  CHECK(need(specialize(model, operators, std::vector{random_tensor({3}, 1)})).graph.nodes.empty());
  operator_definition add = *operators.find("Add");
  add.lower = [](lowering_context&) -> result<void> { return {}; };
  operators.add(add);
  const auto made = need(specialize(model, operators, std::vector{random_tensor({3}, 1)}));
  REQUIRE(made.graph.nodes.size() == 1);  // integers and what has no kernel are the host's in any case
  CHECK(made.graph.nodes[0].describe() == "Add \"y_node\"");
}

TEST_CASE("a constant larger than the folding limit is computed at run time") {
  const auto elements = static_cast<std::int64_t>(limits::folded_bytes_max / sizeof(float));
  for (const std::int64_t extra : {0, 1}) {
    const graph model =
        graph_builder().ints("n", {elements + extra}).step("ConstantOfShape", {"n"}, {"y"}).output("y").build();
    CHECK(specialized(model, {}).graph.nodes.size() == static_cast<std::size_t>(extra));
  }
}

TEST_CASE("values that must be known before the run cannot exhaust the host") {
  const graph model = graph_builder()
                          .ints("n", {std::int64_t{1} << 39})
                          .input("x", dtype::f32, {1})
                          .step("ConstantOfShape", {"n"}, {"big"})
                          .step("Reshape", {"x", "big"}, {"y"})
                          .output("y")
                          .build();
  CHECK(contains(refusal(model, {random_tensor({1}, 1)}), "must be known before the run"));
}

TEST_CASE("nodes that no output needs are neither inferred nor kept") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {4})
                          .ints("wrong", {5})
                          .step("Reshape", {"x", "wrong"}, {"dead"})
                          .step("Relu", {"x"}, {"y"})
                          .output("y")
                          .build();
  CHECK(specialized(model, {random_tensor({4}, 1)}).graph.nodes.size() == 1);
}

TEST_CASE("a declared floating-point output type is what the caller receives") {
  graph model = graph_builder()
                    .input("x", dtype::f32, {4})
                    .step("Relu", {"x"}, {"y"})
                    .step("Relu", {"y"}, {"z"})
                    .declare("y", dtype::f16, {9})
                    .output("y")
                    .output("z")
                    .build();
  const auto made = specialized(model, {random_tensor({4}, 1)});
  CHECK(made.graph.values[made.graph.outputs[0]].type == dtype::f16);
  CHECK(made.dims[made.graph.outputs[0]] == shape{4});  // the declared extent is wrong; what is computed counts
  CHECK(made.graph.values[made.graph.outputs[1]].type == dtype::f32);
  model.values[model.outputs[0]].type = dtype::i64;
  CHECK(contains(refusal(model, {random_tensor({4}, 1)}), "the output \"y\" is declared int64"));
}

TEST_CASE("an operator that Troupe does not have is named before anything is inferred") {
  const graph model = graph_builder().input("x", dtype::f32, {4}).step("Frobnicate", {"x"}, {"y"}).output("y").build();
  CHECK(contains(refusal(model, {}), "Frobnicate"));
}

TEST_CASE("running out of memory in a reference definition is an error, not an exception") {
  operator_definition definition = *toy::operators().find("Relu");
  definition.reference = [](reference_context&) -> result<void> { throw std::bad_alloc(); };
  const graph model = relu_model();
  const tensor x = random_tensor({1, 3}, 1);
  const tensor* operands[] = {&x};
  const auto outcome = run_reference(model.nodes[0], definition, operands);
  REQUIRE(!outcome);
  CHECK(outcome.error().code() == errc::out_of_memory);
  CHECK(contains(outcome.error().to_string(), "computing Relu \"y_node\""));
}

TEST_CASE("outputs that a node leaves out are not computed") {
  node step{"Identity", "", "", 13, {0}, {no_value}, {}};
  const tensor x = random_tensor({1, 3}, 1);
  const tensor* operands[] = {&x};
  operator_definition definition = *toy::operators().find("Identity");
  definition.reference = [](reference_context& context) -> result<void> {
    REQUIRE(!context.wants_output(0));
    return {};
  };
  CHECK(need(run_reference(step, definition, operands)).size() == 1);
}
