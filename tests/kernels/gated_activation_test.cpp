// GatedActivation against values worked out by hand and against its definition.
#include "support/kernel_properties.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case gated(tensor operand, const std::string& activation) {
  return {.op = "GatedActivation",
          .inputs = {std::move(operand)},
          .attributes = {{"activation", activation}},
          .domain = "troupe"};
}

}  // namespace

TEST_CASE("a gate lets through what follows it in its row") {
  // silu(0) = 0; silu(1) = 1 / (1 + 1/e) = 0.7310586.
  const auto got = need(evaluate(gated(tensor_of<float>({2, 4}, {0, 1, 5, 2, 1, 1, -1, 10}), "silu"))).at(0);
  CHECK(compare(got, tensor_of<float>({2, 2}, {0.0f, 1.4621172f, -0.7310586f, 7.310586f}), {1e-6, 1e-6}) == "");
  CHECK(refusal(gated(tensor_of<float>({1, 3}, {0, 1, 2}), "silu")).message().find("even") != std::string::npos);
  CHECK(refusal(gated(tensor_of<float>({1, 2}, {0, 1}), "step")).message().find("gelu_tanh") != std::string::npos);
}

TEST_CASE("gates on a device equal their definition") {
  for (const std::string activation : {"silu", "gelu", "gelu_tanh"})
    for (const std::int64_t width : {1, 3, 8, 88}) {
      INFO(activation << ' ' << width);
      check_kernel(gated(random_tensor({5, 2 * width}, 1, -6.0f, 6.0f), activation), {2e-3, 2e-3});
    }
}
