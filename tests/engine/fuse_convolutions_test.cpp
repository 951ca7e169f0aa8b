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
  fuse_convolutions(after, builtin_operators());
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
  const std::vector<std::pair<std::string, attributes>> kinds{{"Relu", {}},
                                                              {"LeakyRelu", {{"alpha", 0.2f}}},
                                                              {"Sigmoid", {}},
                                                              {"Tanh", {}},
                                                              {"HardSigmoid", {{"alpha", 0.3f}}},
                                                              {"HardSwish", {}}};
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
  check_fuses(with_conv().floats("low", {}, {-0.5f}).floats("high", {}, {1.0f}).step("Clip", {"c", "low", "high"}, {"y"}).output("y"), 1);
  check_fuses(with_conv().floats("high", {}, {1.0f}).step("Clip", {"c", "", "high"}, {"y"}).output("y"), 1);
  const graph before = with_conv()
                           .input("low", dtype::f32, {})
                           .step("Clip", {"c", "low"}, {"y"})
                           .output("y")
                           .build();
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
  check_fuses(with_conv().step("Conv", {"x", "w"}, {"d"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}})
                  .step("Add", {"c", "d"}, {"s"}).step("Relu", {"s"}, {"y"}).output("y"), 2);
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
