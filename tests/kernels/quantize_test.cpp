#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

tensor bytes(const shape& dims, std::initializer_list<std::uint8_t> values) {
  return tensor_of<std::uint8_t>(dims, values);
}

}  // namespace

TEST_CASE("QuantizeLinear rounds ties to even and saturates") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  check_value({.op = "QuantizeLinear",
               .inputs = {tensor_of<float>({7}, {0, 2, 3, 5, 1000, -254, -infinity}), scalar_of(2.0f),
                          scalar_of<std::uint8_t>(128)}},
              bytes({7}, {128, 129, 130, 130, 255, 1, 0}));
  check_value({.op = "QuantizeLinear",
               .inputs = {tensor_of<float>({3}, {-200, 0.5f, 200}), scalar_of(1.0f), scalar_of<std::int8_t>(1)}},
              tensor_of<std::int8_t>({3}, {-128, 1, 127}));
  check_value({.op = "QuantizeLinear",
               .inputs = {tensor_of<float>({2}, {-70000, 3}), scalar_of(1.0f), scalar_of<std::int16_t>(0)}},
              tensor_of<std::int16_t>({2}, {-32768, 3}));
  check_value({.op = "QuantizeLinear", .inputs = {tensor_of<float>({2}, {-1, 300}), scalar_of(2.0f)}},
              bytes({2}, {0, 150}));
  // One scale for each channel.
  check_value(
      {.op = "QuantizeLinear",
       .inputs = {tensor_of<float>({1, 2, 2}, {4, 8, 4, 8}), tensor_of<float>({2}, {2, 4}), bytes({2}, {0, 10})}},
      bytes({1, 2, 2}, {2, 4, 11, 12}));
}

TEST_CASE("DequantizeLinear takes a scale for all, for each channel or for each block") {
  check_value(
      {.op = "DequantizeLinear", .inputs = {bytes({3}, {0, 3, 255}), scalar_of(2.0f), scalar_of<std::uint8_t>(128)}},
      tensor_of<float>({3}, {-256, -250, 254}));
  check_value({.op = "DequantizeLinear",
               .inputs = {tensor_of<std::int8_t>({2, 2}, {1, 2, 3, 4}), tensor_of<float>({2}, {2, 4})},
               .attributes = {{"axis", std::int64_t{0}}}},
              tensor_of<float>({2, 2}, {2, 4, 12, 16}));
  check_value({.op = "DequantizeLinear",
               .inputs = {tensor_of<std::int8_t>({1, 3}, {1, 2, 3}), tensor_of<float>({1, 2}, {2, 4}),
                          tensor_of<std::int8_t>({1, 2}, {0, 1})},
               .attributes = {{"axis", std::int64_t{1}}, {"block_size", std::int64_t{2}}},
               .version = 21},
              tensor_of<float>({1, 3}, {2, 4, 8}));
  check_value({.op = "DequantizeLinear", .inputs = {tensor_of<std::int32_t>({1}, {-100000}), scalar_of(0.5f)}},
              tensor_of<float>({1}, {-50000}));
}

TEST_CASE("DynamicQuantizeLinear spreads the range over a byte") {
  const auto check = [](std::initializer_list<float> values, std::initializer_list<std::uint8_t> want, float scale,
                        std::uint8_t zero) {
    const auto count = static_cast<std::int64_t>(values.size());
    const auto got =
        need(evaluate({.op = "DynamicQuantizeLinear", .inputs = {tensor_of<float>({count}, values)}, .outputs = 3}));
    CHECK(bitwise_equal(got[0], bytes({count}, want)));
    CHECK(got[1].as<float>()[0] == Approx(scale));
    CHECK(bitwise_equal(got[2], scalar_of(zero)));
  };
  check({0, 2, -3, -2.5f, 1.34f, 0.5f}, {153, 255, 0, 26, 221, 179}, 0.0196078438f, 153);
  check({-1, -2.1f, -1.3f, -2.5f, -3.34f, -4}, {191, 121, 172, 96, 42, 0}, 0.0156862754f, 255);
  check({0, 0}, {0, 0}, 0, 0);
}

TEST_CASE("products of small integers are exact") {
  const tensor a = bytes({2, 3}, {11, 7, 3, 10, 6, 2}), b = bytes({3, 1}, {1, 4, 2});
  check_value({.op = "MatMulInteger", .inputs = {a, b, scalar_of<std::uint8_t>(12), scalar_of<std::uint8_t>(0)}},
              tensor_of<std::int32_t>({2, 1}, {-39, -46}));
  check_value({.op = "MatMulInteger", .inputs = {a, b}}, tensor_of<std::int32_t>({2, 1}, {45, 38}));
  check_value({.op = "ConvInteger",
               .inputs = {bytes({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10}), bytes({1, 1, 2, 2}, {1, 1, 1, 1}),
                          scalar_of<std::uint8_t>(1)}},
              tensor_of<std::int32_t>({1, 1, 2, 2}, {12, 16, 24, 28}));
  check_value({.op = "QLinearMatMul",
               .inputs = {a, scalar_of(0.5f), scalar_of<std::uint8_t>(1), b, scalar_of(2.0f),
                          scalar_of<std::uint8_t>(0), scalar_of(1.0f), scalar_of<std::uint8_t>(100)}},
              bytes({2, 1}, {138, 131}));
  check_value({.op = "QLinearConv",
               .inputs = {bytes({1, 1, 1, 2}, {3, 5}), scalar_of(0.5f), scalar_of<std::uint8_t>(1),
                          tensor_of<std::int8_t>({2, 1, 1, 1}, {2, -2}), tensor_of<float>({2}, {1, 2}),
                          tensor_of<std::int8_t>({2}, {0, 0}), scalar_of(1.0f), scalar_of<std::uint8_t>(10),
                          tensor_of<std::int32_t>({2}, {2, 0})}},
              bytes({1, 2, 1, 2}, {13, 15, 6, 2}));
}

TEST_CASE("FakeQuantizeLinear rounds as the integers would", "[device]") {
  const auto fake = [](tensor data) {
    return kernel_case{
        .op = "FakeQuantizeLinear",
        .inputs = {std::move(data)},
        .attributes = {{"scale", 0.25f}, {"lowest", std::int64_t{-128}}, {"highest", std::int64_t{127}}}};
  };
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const tensor awkward = tensor_of<float>({8}, {0.125f, 0.375f, -0.375f, 1000, -1000, infinity, -infinity, 0.2f});
  check_value(fake(awkward), tensor_of<float>({8}, {0, 0.5f, -0.5f, 31.75f, -32, 31.75f, -32, 0.25f}));
  check_kernel(fake(awkward), exact);
  check_kernel(fake(tensor_of<float>({2}, {std::numeric_limits<float>::quiet_NaN(), 1})), exact);
  check_kernel(fake(random_halves({1001}, 5)), exact);
}

TEST_CASE("quantising operators refuse operands that do not fit") {
  const auto code = [](const kernel_case& given) { return refusal(given).code(); };
  const tensor floats = counting({2, 2}), scale = scalar_of(1.0f), zero = scalar_of<std::uint8_t>(0);
  CHECK(code({.op = "QuantizeLinear", .inputs = {list_of({1}), scale, zero}}) == errc::invalid_argument);
  CHECK(code({.op = "QuantizeLinear", .inputs = {floats, counting({3}), bytes({3}, {0, 0, 0})}}) ==
        errc::invalid_argument);
  CHECK(code({.op = "QuantizeLinear", .inputs = {floats, counting({2}), zero}}) == errc::invalid_argument);
  CHECK(code({.op = "QuantizeLinear", .inputs = {floats, scale, scalar_of<std::int32_t>(0)}}) == errc::unsupported);
  CHECK(code({.op = "DequantizeLinear", .inputs = {floats, scale}}) == errc::invalid_argument);
  CHECK(code({.op = "DequantizeLinear", .inputs = {bytes({1}, {1}), scale, scalar_of<std::int8_t>(0)}}) ==
        errc::invalid_argument);
  CHECK(code({.op = "DequantizeLinear",
              .inputs = {bytes({1, 3}, {1, 2, 3}), counting({1, 2})},
              .attributes = {{"block_size", std::int64_t{-2}}},
              .version = 21}) == errc::invalid_argument);
  CHECK(code({.op = "MatMulInteger", .inputs = {floats, floats}}) == errc::invalid_argument);
  CHECK(code({.op = "MatMulInteger",
              .inputs = {bytes({1, 2}, {1, 2}), bytes({2, 1}, {1, 2}), zero, bytes({2}, {1, 2})}}) ==
        errc::invalid_argument);
  CHECK(code({.op = "QLinearMatMul",
              .inputs = {bytes({1, 1}, {1}), scale, zero, bytes({1, 1}, {1}), scale, zero, scale, scale}}) ==
        errc::invalid_argument);
}
