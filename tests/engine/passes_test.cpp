#include "troupe/engine/passes.hpp"

#include <cmath>

#include "kernels/activation.hpp"
#include "support/graph_builder.hpp"
#include "support/reference_run.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

// Conv with a 1x1 kernel and BatchNormalization on [N, C, H, W], as their definitions have them.
result<void> infer_conv(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 3));
  const shape& x = context.input_dims(0);
  context.set_output(0, context.input_type(0), {x[0], context.input_dims(1)[0], x[2], x[3]});
  return {};
}

result<void> conv(reference_context& context) {
  TROUPE_TRY(const auto x, context.input_floats(0));
  TROUPE_TRY(const auto w, context.input_floats(1));
  std::vector<float> bias(static_cast<std::size_t>(context.input(1).dims()[0]), 0.0f);
  if (context.has_input(2)) {
    TROUPE_TRY(bias, context.input_floats(2));
  }
  TROUPE_TRY(const activation ending, activation_of(context.step()));
  const shape& dims = context.output(0).dims();
  const auto channels = static_cast<std::size_t>(context.input(1).dims()[1]);
  const auto area = static_cast<std::size_t>(dims[2] * dims[3]);
  std::vector<float> y(static_cast<std::size_t>(dims.elements()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t m = i / area % bias.size(), n = i / area / bias.size();
    double sum = static_cast<double>(bias[m]);
    for (std::size_t c = 0; c < channels; ++c)
      sum += static_cast<double>(x[(n * channels + c) * area + i % area]) * static_cast<double>(w[m * channels + c]);
    y[i] = static_cast<float>(apply(ending, sum));
  }
  return context.set_output_floats(0, y);
}

result<void> infer_normalization(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(5, 5));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  for (std::size_t i = 1; i < 3; ++i) context.set_output(i, context.input_type(0), context.input_dims(1));
  return {};
}

result<void> normalization(reference_context& context) {
  std::vector<float> operand[5];
  for (std::size_t i = 0; i < 5; ++i) {
    TROUPE_TRY(operand[i], context.input_floats(i));
  }
  const shape& dims = context.output(0).dims();
  const auto area = static_cast<std::size_t>(dims.elements(2, dims.rank()));
  std::vector<float> y(operand[0].size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i / area % operand[1].size();
    const double deviation =
        std::sqrt(static_cast<double>(operand[4][c]) + static_cast<double>(context.step().float_or("epsilon", 1e-5f)));
    y[i] = static_cast<float>((static_cast<double>(operand[0][i]) - static_cast<double>(operand[3][c])) / deviation *
                                  static_cast<double>(operand[1][c]) +
                              static_cast<double>(operand[2][c]));
  }
  return context.set_output_floats(0, y);
}

operator_table operators() {
  operator_table table = toy::operators();
  table.add({.name = "Conv", .host_inputs = {}, .index_inputs = {}, .infer = infer_conv, .reference = conv});
  table.add({.name = "BatchNormalization",
             .host_inputs = {},
             .index_inputs = {},
             .infer = infer_normalization,
             .reference = normalization});
  return table;
}

/// Both graphs give the same, up to rounding; the second one is valid.
void check_same(const graph& before, const graph& after, const std::vector<tensor>& inputs) {
  need(validate(after));
  const auto expected = reference_run(before, operators(), inputs);
  const auto got = reference_run(after, operators(), inputs);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].type() == expected[i].type());
    REQUIRE(got[i].dims() == expected[i].dims());
    const tensor a = need(convert(expected[i], dtype::f64)), b = need(convert(got[i], dtype::f64));
    for (std::size_t k = 0; k < a.elements(); ++k)
      REQUIRE(b.as<double>()[k] == Approx(a.as<double>()[k]).epsilon(1e-5).margin(1e-5));
  }
}

graph_builder conv_block(bool bias, float variance = 0.5f) {
  graph_builder builder;
  builder.input("x", dtype::f32, {-1, 3, 4, 5})
      .constant("w", random_tensor({2, 3, 1, 1}, 1))
      .constant("scale", random_tensor({2}, 2))
      .constant("offset", random_tensor({2}, 3))
      .constant("mean", random_tensor({2}, 4))
      .floats("variance", {2}, {variance, 2.0f});
  std::vector<std::string> operands{"x", "w"};
  if (bias) {
    builder.constant("b", random_tensor({2}, 5));
    operands.push_back("b");
  }
  builder.step("Conv", operands, {"c"})
      .step("BatchNormalization", {"c", "scale", "offset", "mean", "variance"}, {"n"}, {{"epsilon", 0.01f}})
      .step("Relu", {"n"}, {"y"})
      .output("y");
  return builder;
}

}  // namespace

TEST_CASE("a BatchNormalization disappears in the Conv before it") {
  for (const bool bias : {false, true}) {
    const graph before = conv_block(bias).build();
    graph after = before;
    need(fold_batch_normalization(after));
    REQUIRE(after.nodes.size() == 2);
    CHECK(after.nodes[0].inputs.size() == 3);
    check_same(before, after, {random_tensor({2, 3, 4, 5}, 9)});
  }
}

TEST_CASE("weights that two layers share are not changed for one of them") {
  const graph before = conv_block(true).step("Conv", {"x", "w", "b"}, {"plain"}).output("plain").build();
  graph after = before;
  need(optimize(after, operators()));
  CHECK(after.nodes.size() == 2);
  check_same(before, after, {random_tensor({1, 3, 4, 5}, 9)});
}

TEST_CASE("a BatchNormalization stays where folding would change the results") {
  const auto stays = [](const graph& before) {
    graph after = before;
    need(fold_batch_normalization(after));
    CHECK(after.nodes.size() == before.nodes.size());
  };
  stays(conv_block(false).output("c").build());                     // a caller wants the Conv's result as well
  stays(conv_block(false).step("Relu", {"c"}, {"other"}).build());  // so does another node
  stays(conv_block(false, -1.0f).build());                          // the factor is not a number
  graph training = conv_block(false).build();
  training.nodes[1].attributes["training_mode"] = std::int64_t{1};
  stays(training);
  graph statistics = conv_block(false).build();
  statistics.nodes[1].outputs.push_back(statistics.add_value({"running_mean", dtype::f32, false, std::nullopt}));
  statistics.outputs.push_back(statistics.nodes[1].outputs.back());
  stays(statistics);
  graph wide = conv_block(false).build();
  const value_id weights = wide.nodes[0].inputs[1];
  wide.constants[weights] = need(convert(wide.constants[weights], dtype::f64));
  stays(wide);
  graph unknown = conv_block(false).build();
  const value_id mean = unknown.nodes[1].inputs[3];
  unknown.constants.erase(mean);
  unknown.inputs.push_back(mean);
  stays(unknown);
}

TEST_CASE("half-precision weights stay half-precision when folded") {
  graph model = conv_block(true).build();
  for (auto& [id, data] : model.constants) {
    data = need(convert(data, dtype::f16));
    model.values[id].type = dtype::f16;
  }
  need(fold_batch_normalization(model));
  for (const value_id id : {model.nodes[0].inputs[1], model.nodes[0].inputs[2]})
    CHECK(model.constants.at(id).type() == dtype::f16);
}

TEST_CASE("nodes that pass their operand on are dropped, and the outputs keep their names") {
  const graph before = graph_builder()
                           .input("x", dtype::f32, {3})
                           .step("Identity", {"x"}, {"a"})
                           .step("Relu", {"a"}, {"b"})
                           .step("Identity", {"b"}, {"c"})
                           .step("Identity", {"c"}, {"d"})
                           .step("Identity", {"d"}, {"y"})
                           .step("Identity", {"d"}, {"z"})
                           .step("Identity", {"x"}, {"same"})
                           .output("y")
                           .output("z")
                           .output("same")
                           .build();
  graph after = before;
  need(optimize(after, operators()));
  CHECK(after.nodes.size() == 3);  // Relu makes y; z and the copy of the input remain
  CHECK(after.output_index("y") == 0u);
  CHECK(after.output_index("z") == 1u);
  CHECK(after.output_index("same") == 2u);
  check_same(before, after, {random_tensor({3}, 1)});
}

TEST_CASE("Dropout is dropped unless it trains or its mask is wanted") {
  const auto nodes_left = [](const std::vector<std::string>& operands, bool mask_wanted, bool training = false) {
    graph_builder builder;
    builder.input("x", dtype::f32, {3})
        .floats("ratio", {}, {0.5f})
        .constant("training", need(tensor::from_bytes(dtype::boolean, {}, std::vector{std::byte(training)})))
        .step("Relu", {"x"}, {"r"})
        .step("Dropout", operands, {"d", "mask"})
        .step("Relu", {"d"}, {"y"})
        .output("y");
    if (mask_wanted) builder.output("mask");
    graph model = builder.build();
    drop_no_ops(model);
    need(validate(model));
    return model.nodes.size();
  };
  CHECK(nodes_left({"r"}, false) == 2);
  CHECK(nodes_left({"r", "ratio"}, false) == 2);
  CHECK(nodes_left({"r", "ratio", "training"}, false) == 2);
  CHECK(nodes_left({"r", "ratio", "training"}, false, true) == 3);
  CHECK(nodes_left({"r", "ratio", "x"}, false) == 3);
  CHECK(nodes_left({"r"}, true) == 3);
}

TEST_CASE("constants are folded through several nodes, and only the result is kept") {
  const graph before = graph_builder()
                           .input("x", dtype::f32, {6})
                           .ints("a", {1, 2})
                           .ints("b", {1, 1})
                           .step("Add", {"a", "b"}, {"c"})
                           .step("Reshape", {"x", "c"}, {"y"})
                           .output("y")
                           .output("c")
                           .build();
  graph after = before;
  need(optimize(after, operators()));
  CHECK(after.nodes.size() == 1);
  CHECK(after.constants.size() == 1);
  CHECK(after.values.size() == 3);
  check_same(before, after, {random_tensor({6}, 1)});
}

TEST_CASE("what depends on shapes alone is constant in a model whose inputs have one shape") {
  const auto build = [](std::int64_t extent) {
    return graph_builder()
        .input("x", dtype::f32, {extent, 2})
        .ints("none", {0, 0})
        .step("Relu", {"x"}, {"r"})
        .step("Shape", {"r"}, {"s"})
        .step("Add", {"s", "none"}, {"t"})
        .step("ConstantOfShape", {"t"}, {"ones"})
        .step("Add", {"x", "ones"}, {"y"})
        .output("y")
        .build();
  };
  graph fixed = build(3);
  need(optimize(fixed, operators()));
  CHECK(fixed.nodes.size() == 1);
  check_same(build(3), fixed, {random_tensor({3, 2}, 1)});
  graph open = build(-1);
  need(optimize(open, operators()));
  CHECK(open.nodes.size() == 5);
}

TEST_CASE("a node that cannot be folded stays, and specialisation says why") {
  graph model = graph_builder()
                    .ints("bad", {-5, 3})
                    .floats("x", {2}, {1, 2})
                    .step("Reshape", {"x", "bad"}, {"y"})
                    .step("Unheard", {"x"}, {"z"})
                    .output("y")
                    .output("z")
                    .build();
  need(optimize(model, operators()));
  CHECK(model.nodes.size() == 2);
}

TEST_CASE("dead code disappears together with its weights; inputs stay") {
  graph model = graph_builder()
                    .floats("w", {2}, {1, 2})
                    .input("unused", dtype::f32, {2})
                    .input("x", dtype::f32, {2})
                    .step("Add", {"x", "w"}, {"dead"})
                    .step("Relu", {"dead"}, {"deader"})
                    .step("Relu", {"x"}, {"y"})
                    .output("y")
                    .build();
  remove_dead_code(model);
  need(validate(model));
  CHECK(model.nodes.size() == 1);
  CHECK(model.constants.empty());
  CHECK(model.values.size() == 3);
  CHECK(model.input_index("unused") == 0u);
  CHECK(model.input_index("x") == 1u);
  CHECK(bitwise_equal(reference_run(model, operators(), {random_tensor({2}, 1), floats_tensor({2}, {-1, 4})})[0],
                      floats_tensor({2}, {0, 4})));
}
