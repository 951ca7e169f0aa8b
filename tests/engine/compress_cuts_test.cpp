#include "support/graph_builder.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/partition.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// A residual over three nodes, an integer that the last one needs, and the input itself: what can cross a cut.
graph residual() {
  return graph_builder()
      .input("x", dtype::f32, {-1, 40})
      .step("Shape", {"x"}, {"extents"})
      .step("Relu", {"x"}, {"early"})
      .step("Neg", {"early"}, {"b"})
      .step("Neg", {"b"}, {"c"})
      .step("Add", {"early", "c"}, {"sum"})
      .step("Add", {"sum", "x"}, {"late"})
      .step("Reshape", {"late", "extents"}, {"y"})
      .declare("early", dtype::f32, {-1, 40})
      .declare("y", dtype::f32, {-1, 40})
      .output("early")
      .output("y")
      .build();
}

std::vector<graph> parts_of(const graph& model, std::size_t stages, dtype storage = dtype::f16) {
  auto parts = need(cut_pipeline(model, stages, builtin_operators(), storage));
  need(compress_cuts(parts));
  return parts;
}

/// What each part gives.
std::vector<std::vector<tensor>> run_parts(const std::vector<graph>& parts, std::vector<tensor> values) {
  std::vector<std::vector<tensor>> given;
  for (const graph& part : parts) {
    REQUIRE(values.size() == part.inputs.size());
    given.push_back(values = reference_run(part, builtin_operators(), values, dtype::f16));
  }
  return given;
}

const tensor& named(const graph& part, const std::vector<tensor>& outputs, std::string_view beginning) {
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (part.values[part.outputs[i]].name.starts_with(beginning)) return outputs[i];
  FAIL("no output " << beginning);
  return outputs[0];
}

}  // namespace

TEST_CASE("float16 values cross a cut as int8 with a scale for each row, and nothing else changes") {
  const graph model = residual();
  for (const std::size_t stages : {2, 4, 6}) {
    CAPTURE(stages);
    const auto plain = need(cut_pipeline(model, stages, builtin_operators()));
    const auto parts = parts_of(model, stages);
    const tensor x = random_tensor({3, 40}, 5);
    const auto given = run_parts(parts, {x});
    for (std::size_t k = 0; k + 1 < stages; ++k) {
      CAPTURE(k);
      std::size_t codes = 0, halves = 0;
      for (const tensor& each : given[k]) {
        codes += each.type() == dtype::i8;
        halves += each.type() == dtype::f16;
      }
      CHECK(halves == 0);
      CHECK(codes >= 1);
      CHECK(parts[k].outputs.size() == plain[k].outputs.size() + codes);
    }
    const auto want = reference_run(model, builtin_operators(), {x}, dtype::f16);
    REQUIRE(given.back().size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(given.back()[i].type() == dtype::f32);
      // Up to three values that are off by 1/254 each, of rows whose largest magnitude is about one.
      const auto got = given.back()[i].as<float>(), exact = want[i].as<float>();
      float worst = 0;
      for (std::size_t j = 0; j < got.size(); ++j) worst = std::max(worst, std::abs(got[j] - exact[j]));
      CHECK(worst > 0);
      CHECK(worst < 0.03f);
    }
  }
}

TEST_CASE("a value that crosses several cuts is packed once") {
  const auto parts = parts_of(residual(), 6);
  const auto given = run_parts(parts, {random_tensor({2, 40}, 7)});
  std::size_t packed = 0;
  for (const graph& part : parts)
    for (const node& step : part.nodes) packed += step.op == "PackRows" && step.name.starts_with("early");
  CHECK(packed == 1);
  const tensor& first = named(parts[1], given[1], "early");
  for (const std::size_t k : {2, 3}) CHECK(bitwise_equal(named(parts[k], given[k], "early"), first));
}

TEST_CASE("what the device does not keep as float16 travels as it is") {
  const graph model = residual();
  const auto plain = need(cut_pipeline(model, 4, builtin_operators(), dtype::f32));
  const auto parts = parts_of(model, 4, dtype::f32);
  for (std::size_t k = 0; k < 4; ++k) CHECK(parts[k].outputs.size() == plain[k].outputs.size());
  std::vector<graph> none;
  need(compress_cuts(none));
  auto whole = need(cut_pipeline(model, 1, builtin_operators()));
  need(compress_cuts(whole));
  CHECK(whole[0].outputs.size() == 2);
}
