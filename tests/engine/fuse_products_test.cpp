#include <cmath>

#include "support/graph_builder.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

/// x -> Conv -> c, for whatever a test puts after it.
graph_builder with_conv() {
  graph_builder built;
  built.input("x", dtype::f32, {-1, 3, 4, 5})
      .constant("w", random_tensor({3, 3, 3, 3}, 1))
      .constant("b", random_tensor({3}, 2))
      .step("Conv", {"x", "w", "b"}, {"c"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  return built;
}

graph fused_form(const graph& before) {
  graph after = before;
  fuse_products(after, builtin_operators());
  need(validate(after));
  return after;
}

/// Same results up to the rounding of what lay between the nodes.
void check_same(const graph& before, const graph& after) {
  const std::vector inputs{random_tensor({2, 3, 4, 5}, 9, -3, 3)};
  const auto expected = reference_run(before, builtin_operators(), inputs);
  const auto got = reference_run(after, builtin_operators(), inputs);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].dims() == expected[i].dims());
    const auto a = expected[i].as<float>(), b = got[i].as<float>();
    for (std::size_t k = 0; k < a.size(); ++k) REQUIRE(b[k] == Approx(a[k]).epsilon(1e-5).margin(1e-5));
  }
}

void check_fuses(const graph_builder& built, std::size_t nodes) {
  const graph before = built.build();
  const graph after = fused_form(before);
  CHECK(after.nodes.size() == nodes);
  check_same(before, after);
}

}  // namespace

TEST_CASE("activations disappear in the Conv before them") {
  const std::vector<std::pair<std::string, attributes>> kinds{
      {"Relu", {}}, {"LeakyRelu", {{"alpha", 0.2f}}},   {"Sigmoid", {}},
      {"Tanh", {}}, {"HardSigmoid", {{"alpha", 0.3f}}}, {"HardSwish", {}}};
  for (const auto& [op, given] : kinds) {
    INFO(op);
    auto built = with_conv().step(op, {"c"}, {"y"}, given).output("y");
    graph before = built.build();
    for (node& step : before.nodes) step.version = 14;  // HardSwish is that young
    const graph after = fused_form(before);
    CHECK(after.nodes.size() == 1);
    check_same(before, after);
  }
}

TEST_CASE("a Clip disappears in a Conv when its bounds are constants") {
  check_fuses(with_conv()
                  .floats("low", {}, {-0.5f})
                  .floats("high", {}, {1.0f})
                  .step("Clip", {"c", "low", "high"}, {"y"})
                  .output("y"),
              1);
  check_fuses(with_conv().floats("high", {}, {1.0f}).step("Clip", {"c", "", "high"}, {"y"}).output("y"), 1);
  const graph before = with_conv().input("low", dtype::f32, {}).step("Clip", {"c", "low"}, {"y"}).output("y").build();
  CHECK(fused_form(before).nodes.size() == 2);
}

TEST_CASE("gates that exporters write as two nodes disappear in a Conv") {
  check_fuses(with_conv().step("Sigmoid", {"c"}, {"s"}).step("Mul", {"c", "s"}, {"y"}).output("y"), 1);
  check_fuses(with_conv().step("HardSigmoid", {"c"}, {"s"}).step("Mul", {"s", "c"}, {"y"}).output("y"), 1);
  // A gate over something else, or one that others read, stays.
  check_fuses(with_conv().step("Sigmoid", {"x"}, {"s"}).step("Mul", {"c", "s"}, {"y"}).output("y"), 3);
  check_fuses(with_conv().step("Sigmoid", {"c"}, {"s"}).step("Mul", {"c", "s"}, {"y"}).output("y").output("s"), 3);
}

TEST_CASE("a residual and the activation after it disappear in a Conv") {
  check_fuses(with_conv().step("Add", {"c", "x"}, {"s"}).step("Relu", {"s"}, {"y"}).output("y"), 1);
  check_fuses(with_conv().step("Add", {"x", "c"}, {"y"}).output("y"), 1);
  // Of two convolutions one takes the other's result.
  check_fuses(with_conv()
                  .step("Conv", {"x", "w"}, {"d"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}})
                  .step("Add", {"c", "d"}, {"s"})
                  .step("Relu", {"s"}, {"y"})
                  .output("y"),
              2);
  // An activation before the sum is the Conv's end.
  check_fuses(with_conv().step("Relu", {"c"}, {"r"}).step("Add", {"r", "x"}, {"y"}).output("y"), 2);
}

TEST_CASE("what another node reads, or what is broadcast, is not fused") {
  check_fuses(with_conv().step("Relu", {"c"}, {"y"}).output("y").output("c"), 2);
  check_fuses(with_conv().step("Add", {"c", "c"}, {"y"}).output("y"), 2);
  check_fuses(with_conv().constant("k", random_tensor({3, 1, 1}, 4)).step("Add", {"c", "k"}, {"y"}).output("y"), 2);
  check_fuses(with_conv().constant("k", random_tensor({1, 3, 4, 5}, 4)).step("Add", {"c", "k"}, {"y"}).output("y"), 2);
}

TEST_CASE("a Conv with a residual of another shape is refused") {
  graph wrong = fused_form(with_conv().step("Add", {"c", "x"}, {"y"}).output("y").build());
  const value_id other = wrong.add_constant("other", random_tensor({3, 1, 1}, 4));
  wrong.nodes[0].inputs[3] = other;
  const auto outcome = specialize(wrong, builtin_operators(), std::vector{random_tensor({2, 3, 4, 5}, 9)});
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message().find("residual") != std::string::npos);
}

namespace {

constexpr std::int64_t inner = 8, columns = 5;

/// x -> MatMul by a constant -> m.
graph_builder with_matmul() {
  graph_builder built;
  built.input("x", dtype::f32, {-1, 3, inner})
      .constant("w", random_tensor({inner, columns}, 1))
      .constant("b", random_tensor({columns}, 2))
      .step("MatMul", {"x", "w"}, {"m"});
  return built;
}

void check_matrix_fuses(const graph_builder& built, std::size_t nodes, const shape& input) {
  const graph before = built.build();
  const graph after = fused_form(before);
  CHECK(after.nodes.size() == nodes);
  const std::vector inputs{random_tensor(input, 9, -3, 3)};
  const auto expected = reference_run(before, builtin_operators(), inputs);
  const auto got = reference_run(after, builtin_operators(), inputs);
  REQUIRE(got[0].dims() == expected[0].dims());
  const auto a = expected[0].as<float>(), b = got[0].as<float>();
  for (std::size_t k = 0; k < a.size(); ++k) REQUIRE(b[k] == Approx(a[k]).epsilon(1e-5).margin(1e-5));
}

}  // namespace

TEST_CASE("bias, residual and activation disappear in a MatMul") {
  const shape input{2, 3, inner};
  check_matrix_fuses(with_matmul().step("Add", {"m", "b"}, {"y"}).output("y"), 1, input);
  check_matrix_fuses(with_matmul().step("Add", {"b", "m"}, {"s"}).step("Relu", {"s"}, {"y"}).output("y"), 1, input);
  check_matrix_fuses(with_matmul().step("Tanh", {"m"}, {"y"}).output("y"), 1, input);
  check_matrix_fuses(with_matmul()
                         .step("MatMul", {"x", "w"}, {"n"})
                         .step("Add", {"n", "b"}, {"t"})
                         .step("Add", {"t", "m"}, {"s"})
                         .step("Sigmoid", {"s"}, {"y"})
                         .output("y"),
                     2, input);
}

TEST_CASE("an Add that is not a bias of the columns stays behind a MatMul") {
  const shape input{2, 3, inner};
  check_matrix_fuses(with_matmul().floats("k", {1}, {2}).step("Add", {"m", "k"}, {"y"}).output("y"), 2, input);
  check_matrix_fuses(
      with_matmul().constant("k", random_tensor({3, columns}, 4)).step("Add", {"m", "k"}, {"y"}).output("y"), 2, input);
  check_matrix_fuses(with_matmul().step("Add", {"m", "b"}, {"y"}).output("y").output("m"), 2, input);
}

TEST_CASE("activations disappear in a Gemm, and integer products keep theirs") {
  graph_builder built;
  built.input("x", dtype::f32, {-1, inner})
      .constant("w", random_tensor({inner, columns}, 1))
      .step("Gemm", {"x", "w"}, {"g"})
      .step("LeakyRelu", {"g"}, {"y"}, {{"alpha", 0.3f}})
      .output("y");
  check_matrix_fuses(built, 1, {4, inner});
  graph_builder integers;
  integers.input("x", dtype::i64, {-1, 2})
      .input("w", dtype::i64, {2, 2})
      .step("MatMul", {"x", "w"}, {"m"})
      .step("Relu", {"m"}, {"y"})
      .output("y");
  CHECK(fused_form(integers.build()).nodes.size() == 2);
}
