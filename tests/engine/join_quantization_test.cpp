#include "support/graph_builder.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

template <class T>
tensor list(std::initializer_list<T> values) {
  return need(
      tensor::from(shape{static_cast<std::int64_t>(values.size())}, std::span<const T>(values.begin(), values.size())));
}

/// x, quantised and dequantised again with these scales and zero points.
graph there_and_back(const tensor& scale, const tensor& zero, const tensor& second_scale, const tensor& second_zero) {
  return graph_builder()
      .input("x", dtype::f32, {1, 2, 5})
      .constant("s", scale)
      .constant("z", zero)
      .constant("s2", second_scale)
      .constant("z2", second_zero)
      .step("QuantizeLinear", {"x", "s", "z"}, {"q"})
      .step("DequantizeLinear", {"q", "s2", "z2"}, {"y"})
      .output("y")
      .build();
}

tensor run(const graph& model, const tensor& x) {
  const auto table = std::make_shared<const operator_table>(builtin_operators());
  const auto device = need(open_device("reference", table));
  const auto loaded = need(device->load(std::make_shared<const graph>(model)));
  return need(loaded->run({&x, 1}, steady_clock::now() + std::chrono::seconds(60)))[0];
}

void check_joins(const graph& before, bool joins) {
  graph after = before;
  join_quantization(after);
  remove_dead_code(after);
  need(validate(after));
  CHECK(after.nodes.size() == (joins ? 1 : 2));
  const tensor x = random_tensor({1, 2, 5}, 3, -40, 40);
  CHECK(bitwise_equal(run(before, x), run(after, x)));
}

}  // namespace

TEST_CASE("a pair of quantising nodes becomes one that computes the same") {
  const tensor scale = list<float>({0.25f});
  for (const std::uint8_t zero : {0, 7, 255}) {
    const tensor point = list<std::uint8_t>({zero});
    check_joins(there_and_back(scale, point, scale, point), true);
  }
  const tensor small = list<std::int8_t>({-5}), large = list<std::int16_t>({300});
  check_joins(there_and_back(scale, small, scale, small), true);
  check_joins(there_and_back(scale, large, scale, large), true);
}

TEST_CASE("quantising nodes that do not undo each other stay two") {
  const tensor scale = list<float>({0.25f}), zero = list<std::uint8_t>({7});
  check_joins(there_and_back(scale, zero, list<float>({0.5f}), zero), false);
  check_joins(there_and_back(scale, zero, scale, list<std::uint8_t>({8})), false);
  const tensor scales = list<float>({0.25f, 0.5f}), zeros = list<std::uint8_t>({7, 8});
  check_joins(there_and_back(scales, zeros, scales, zeros), false);
}

TEST_CASE("integers that somebody reads are still made") {
  const tensor scale = list<float>({0.25f}), zero = list<std::uint8_t>({7});
  graph model = there_and_back(scale, zero, scale, zero);
  model.outputs.push_back(model.nodes[0].outputs[0]);
  join_quantization(model);
  remove_dead_code(model);
  need(validate(model));
  CHECK(model.nodes.size() == 2);
}
