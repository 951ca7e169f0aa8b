#include <cmath>

#include "graph/bodies.hpp"
#include "support/graph_builder.hpp"
#include "support/onnx_builder.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using proto = onnx::TensorProto;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

onnx::NodeProto& add_step(onnx::GraphProto& to, const std::string& op, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs) {
  auto& step = *to.add_node();
  step.set_op_type(op);
  for (const auto& name : inputs) step.add_input(name);
  for (const auto& name : outputs) step.add_output(name);
  return step;
}

onnx::GraphProto& add_body(onnx::NodeProto& step, const std::string& key) {
  auto& held = add_attribute(step, key, onnx::AttributeProto::GRAPH);
  held.mutable_g()->set_name(key);
  return *held.mutable_g();
}

void add_number(onnx::ModelProto& model, const std::string& name, std::int64_t value) {
  auto& data = *model.mutable_graph()->add_initializer();
  data.set_name(name);
  data.set_data_type(proto::INT64);
  data.add_int64_data(value);
}

/// state' = state + x * w, with x and w captured; "all" collects the states. x: float32[n].
onnx::ModelProto loop_model(std::int64_t trips) {
  onnx::ModelProto model = empty_model();
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "x", proto::FLOAT, {-1});
  add_number(model, "trips", trips);
  add_floats(model, "w", {}, {2.0f});
  auto& loop = add_node(model, "Loop", {"trips", "", "x"}, {"last", "all"});
  auto& inside = add_body(loop, "body");
  for (const char* name : {"i", "go", "state"}) inside.add_input()->set_name(name);
  add_step(inside, "Mul", {"x", "w"}, {"xw"});
  add_step(inside, "Add", {"state", "xw"}, {"next"});
  add_step(inside, "Add", {"next", "bias"}, {"shown"});
  auto& bias = *inside.add_initializer();
  bias.set_name("bias");
  bias.set_data_type(proto::FLOAT);
  bias.add_float_data(0.5f);
  for (const char* name : {"go", "next", "shown"}) inside.add_output()->set_name(name);
  for (const char* name : {"last", "all"}) main.add_output()->set_name(name);
  return model;
}

}  // namespace

TEST_CASE("what a body reads of the graph around it is an operand of its node") {
  const graph model = need(import_onnx(bytes_of(loop_model(3))));
  REQUIRE(model.nodes.size() == 1);
  const node& loop = model.nodes[0];
  // w, x and the body's own constant, which is the same in every iteration.
  CHECK(loop.int_or(captures_attribute, 0) == 3);
  REQUIRE(loop.inputs.size() == 6);
  std::vector<std::string> names;
  for (std::size_t i = 3; i < 6; ++i) names.push_back(model.values[loop.inputs[i]].name);
  CHECK(names[0] == "w");
  CHECK(names[1] == "x");
  CHECK(contains(names[2], "bias"));
  const graph* inside = loop.body_attribute("body");
  REQUIRE(inside);
  CHECK(inside->inputs.size() == 6);
  CHECK(inside->constants.empty());
  const auto forms = need(read_bodies(loop));
  CHECK(forms.at(0).states == 1);
  CHECK(forms.at(0).scans() == 1);
}

TEST_CASE("a loop becomes its iterations") {
  const auto operators = builtin_operators();
  const graph model = need(import_onnx(bytes_of(loop_model(3))));
  const tensor x = floats_tensor({2}, {1, -10});
  const auto outputs = reference_run(model, operators, {x});
  const auto last = outputs[0].as<float>();
  CHECK(std::vector<float>(last.begin(), last.end()) == std::vector<float>{7, -70});
  CHECK(outputs[1].dims() == shape{3, 2});
  const auto all = outputs[1].as<float>();
  CHECK(std::vector<float>(all.begin(), all.end()) == std::vector<float>{3.5, -29.5, 5.5, -49.5, 7.5, -69.5});
  const auto made = need(specialize(model, operators, std::vector{x}));
  CHECK(made.made_for.size() + model.values.size() == made.graph.values.size());
  for (const node& step : made.graph.nodes) CHECK(step.op != "Loop");
}

TEST_CASE("a loop of no iterations keeps its state and collects nothing") {
  const graph model = need(import_onnx(bytes_of(loop_model(0))));
  const auto outputs = reference_run(model, builtin_operators(), {floats_tensor({2}, {1, -10})});
  CHECK(outputs[0].as<float>()[1] == -10);
  CHECK(outputs[1].dims() == shape{0, 2});
}

TEST_CASE("a model of one shape is written out before it is cut") {
  onnx::ModelProto proto_model = loop_model(4);
  auto* axis = proto_model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  axis->mutable_dim(0)->set_dim_value(2);
  graph model = need(import_onnx(bytes_of(proto_model)));
  const graph before = model;
  const auto operators = builtin_operators();
  need(optimize(model, operators));
  CHECK(model.nodes.size() > 8);
  const std::vector<tensor> inputs{floats_tensor({2}, {1, -10})};
  const auto expected = reference_run(before, operators, inputs);
  const auto outputs = reference_run(model, operators, inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) CHECK(bitwise_equal(outputs[i], expected[i]));
}

TEST_CASE("a batch of empty sequences is written out as far as any other work") {
  onnx::ModelProto proto_model = empty_model(8);
  describe(*proto_model.mutable_graph()->add_input(), "x", proto::FLOAT, {-1, 0, 1});
  auto& scan = add_node(proto_model, "Scan", {"", "x"}, {"all"});
  add_attribute(scan, "num_scan_inputs", onnx::AttributeProto::INT).set_i(1);
  auto& inside = add_body(scan, "body");
  describe(*inside.add_input(), "each", proto::FLOAT, {1});
  add_step(inside, "Neg", {"each"}, {"shown"});
  describe(*inside.add_output(), "shown", proto::FLOAT, {1});
  proto_model.mutable_graph()->add_output()->set_name("all");
  const graph model = need(import_onnx(bytes_of(proto_model)));
  const auto operators = builtin_operators();
  const auto rows = [](std::int64_t count) { return std::vector{need(tensor::make(dtype::f32, {count, 0, 1}))}; };
  CHECK(need(specialize(model, operators, rows(3))).graph.nodes.size() < 20);
  const auto outcome = specialize(model, operators, rows(60'000));
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "more than 100000 nodes"));
}

TEST_CASE("more iterations than can be written out are refused in time") {
  const graph model = need(import_onnx(bytes_of(loop_model(std::int64_t{1} << 62))));
  const auto outcome = specialize(model, builtin_operators(), std::vector{floats_tensor({2}, {1, 2})});
  REQUIRE(!outcome);
  CHECK(outcome.error().code() == errc::unsupported);
  CHECK(contains(outcome.error().to_string(), "more than 100000 nodes"));
}

TEST_CASE("writing iterations out ends at the deadline") {
  const graph model = need(import_onnx(bytes_of(loop_model(std::int64_t{1} << 62))));
  const std::vector<tensor> inputs{floats_tensor({2}, {1, 2})};
  const auto late = specialize(model, builtin_operators(), inputs, steady_clock::now());
  REQUIRE(!late);
  CHECK(late.error().code() == errc::deadline_exceeded);
  cancellation stop;
  stop.cancel();
  const auto stopped = specialize(model, builtin_operators(), inputs, time_point::max(), stop);
  REQUIRE(!stopped);
  CHECK(stopped.error().code() == errc::cancelled);
}

TEST_CASE("a body that does not fit its node is refused with both numbers") {
  onnx::ModelProto model = loop_model(2);
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_output()->RemoveLast();
  const graph loaded = need(import_onnx(bytes_of(model)));
  const auto outcome = specialize(loaded, builtin_operators(), std::vector{floats_tensor({2}, {1, 2})});
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "gives 2 values, but the node needs 3"));
}

TEST_CASE("a broken body makes a graph invalid") {
  graph model = need(import_onnx(bytes_of(loop_model(2))));
  graph inside = *model.nodes[0].body_attribute("body");
  inside.nodes[0].inputs[0] = 1000;
  model.nodes[0].attributes["body"] = subgraph(std::make_shared<graph>(inside));
  const auto outcome = validate(model);
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "value 1000"));
  CHECK(contains(outcome.error().to_string(), "\"body\" of Loop"));
  model.nodes[0].attributes["body"] = subgraph();
  CHECK(!validate(model));
}

TEST_CASE("bodies in bodies have a limit") {
  graph innermost = graph_builder().input("x", dtype::f32, {2}).step("Relu", {"x"}, {"y"}).output("y").build();
  for (std::size_t depth = 0; depth <= limits::body_depth_max; ++depth) {
    REQUIRE(validate(innermost));
    graph around = graph_builder().input("x", dtype::f32, {2}).step("If", {"x"}, {"y"}).output("y").build();
    around.nodes[0].attributes["then_branch"] = subgraph(std::make_shared<graph>(std::move(innermost)));
    innermost = std::move(around);
  }
  const auto outcome = validate(innermost);
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "in more than 12 others"));
}

TEST_CASE("operators in bodies are checked, too") {
  onnx::ModelProto model = loop_model(2);
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_op_type("Nonsense");
  const graph loaded = need(import_onnx(bytes_of(model)));
  const auto outcome = check_operators(loaded, builtin_operators());
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "Nonsense (opset 13)"));
}

TEST_CASE("a sequence is no tensor") {
  const auto operators = builtin_operators();
  const tensor x = floats_tensor({2}, {1, 2});
  const graph read = graph_builder()
                         .input("x", dtype::f32, {2})
                         .step("SequenceConstruct", {"x", "x"}, {"s"})
                         .step("Relu", {"s"}, {"y"})
                         .output("y")
                         .build();
  const auto outcome = specialize(read, operators, std::vector{x});
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "\"s\" is a sequence"));
  const graph given =
      graph_builder().input("x", dtype::f32, {2}).step("SequenceConstruct", {"x"}, {"s"}).output("s").build();
  CHECK(!specialize(given, operators, std::vector{x}));
  const graph outside = graph_builder()
                            .input("x", dtype::f32, {2})
                            .constant("at", need(tensor::from<std::int64_t>({}, std::vector<std::int64_t>{2})))
                            .step("SequenceConstruct", {"x", "x"}, {"s"})
                            .step("SequenceAt", {"s", "at"}, {"y"})
                            .output("y")
                            .build();
  const auto beyond = specialize(outside, operators, std::vector{x});
  REQUIRE(!beyond);
  CHECK(contains(beyond.error().to_string(), "position 2"));
}

TEST_CASE("sequences that grow in a loop stay within bounds") {
  graph inside = graph_builder()
                     .input("i", dtype::i64, {})
                     .input("go", dtype::boolean, {})
                     .input("s", dtype::f32, {})
                     .input("x", dtype::f32, {2})
                     .step("SequenceInsert", {"s", "x"}, {"longer"})
                     .output("go")
                     .output("longer")
                     .build();
  graph model = graph_builder()
                    .input("x", dtype::f32, {2})
                    .step("SequenceEmpty", {}, {"s"})
                    .step("Loop", {"", "", "s", "x"}, {"all"})
                    .step("SequenceLength", {"all"}, {"n"})
                    .output("n")
                    .build();
  model.nodes[1].attributes["body"] = subgraph(std::make_shared<graph>(inside));
  model.nodes[1].attributes[std::string(captures_attribute)] = std::int64_t{1};
  const auto outcome = specialize(model, builtin_operators(), std::vector{floats_tensor({2}, {1, 2})});
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().to_string(), "entries"));
}

TEST_CASE("MeanVarianceNormalization becomes the nodes that define it") {
  const graph model = graph_builder()
                          .input("x", dtype::f32, {2, 1, 1, 2})
                          .step("MeanVarianceNormalization", {"x"}, {"y"})
                          .output("y")
                          .build();
  const auto made = reference_run(model, builtin_operators(), {floats_tensor({2, 1, 1, 2}, {1, 2, 3, 4})});
  const std::vector<float> expected{-1.3416408f, -0.4472136f, 0.4472136f, 1.3416408f};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(made[0].as<float>()[i] - expected[i]) < 1e-6f);
  // A constant channel has no deviation to divide by.
  const auto flat = reference_run(model, builtin_operators(), {floats_tensor({2, 1, 1, 2}, {5, 5, 5, 5})});
  for (const float value : flat[0].as<float>()) CHECK(value == 0);
}
