#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::vector<tensor> packed(const tensor& values) {
  return need(evaluate({.op = "PackRows", .inputs = {values}, .version = 1, .outputs = 2, .domain = "troupe"}));
}

tensor unpacked(const std::vector<tensor>& from, bool half = false) {
  return need(evaluate({.op = "UnpackRows",
                        .inputs = from,
                        .attributes = {{"half", std::int64_t{half}}},
                        .version = 1,
                        .domain = "troupe"}))
      .at(0);
}

}  // namespace

TEST_CASE("a packed row has the codes of its values, ties to even") {
  const auto made = packed(tensor_of<float>({2, 4}, {127, -2.5f, 3.5f, 0.4f, 0, 0, 0, 0}));
  CHECK(bitwise_equal(made[0], tensor_of<std::int8_t>({2, 4}, {127, -2, 4, 0, 0, 0, 0, 0})));
  CHECK(bitwise_equal(made[1], tensor_of<float>({2}, {1, 0})));
  CHECK(bitwise_equal(unpacked(made), tensor_of<float>({2, 4}, {127, -2, 4, 0, 0, 0, 0, 0})));
  CHECK(unpacked(made, true).type() == dtype::f16);
}

TEST_CASE("what is no number stays so, and spoils no other value of its row") {
  constexpr float infinity = std::numeric_limits<float>::infinity(), none = std::numeric_limits<float>::quiet_NaN();
  const auto got = unpacked(packed(tensor_of<float>({3, 3}, {none, 127, 3, -infinity, 65504, 0, none, none, none})));
  const auto values = got.as<float>();
  CHECK(std::isnan(values[0]));
  CHECK(values[1] == 127);
  CHECK(values[2] == 3);
  CHECK(values[3] == Approx(-65504));  // as devices store it
  CHECK(values[4] == Approx(65504));
  CHECK(values[5] == 0);
  for (std::size_t i = 6; i < 9; ++i) CHECK(std::isnan(values[i]));
}

TEST_CASE("the smallest and the largest values of float32 can be packed") {
  for (const float x : {std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::denorm_min() * 143,
                        1e-40f, std::numeric_limits<float>::max()}) {
    const auto got = unpacked(packed(tensor_of<float>({1, 2}, {x, -x})));
    CHECK(got.as<float>()[0] >= 0);
    CHECK(got.as<float>()[0] == -got.as<float>()[1]);
    CHECK(std::isfinite(got.as<float>()[0]));
  }
}

TEST_CASE("short rows are packed together, but not along the first axis") {
  const auto scales_of = [](const shape& dims) { return packed(random_halves(dims, 3))[1].dims(); };
  CHECK(scales_of({2, 3, 64}) == shape{2, 3});
  CHECK(scales_of({2, 3, 8, 8}) == shape{2, 3});
  CHECK(scales_of({2, 3, 4, 4}) == shape{2});
  CHECK(scales_of({5, 3}) == shape{5});
  CHECK(scales_of({5}) == shape{5});
  CHECK(scales_of({}) == shape{});
  CHECK(scales_of({2, 0, 4}) == shape{2});
  CHECK(scales_of({0, 40}) == shape{0});
}

TEST_CASE("packing changes a value by half a code at most, alone or beside other rows") {
  const std::uint64_t seed = 20250807;
  CAPTURE(seed);
  const tensor values = random_halves({7, 5, 96}, seed);
  const tensor got = unpacked(packed(values));
  const auto want = values.as<float>();
  for (std::size_t row = 0; row < 35; ++row) {
    float largest = 0;
    for (std::size_t i = row * 96; i < (row + 1) * 96; ++i) largest = std::max(largest, std::abs(want[i]));
    for (std::size_t i = row * 96; i < (row + 1) * 96; ++i)
      REQUIRE(std::abs(got.as<float>()[i] - want[i]) <= largest / 254 * 1.0001f);
  }
  const tensor alone = need(tensor::from(shape{1, 5, 96}, want.subspan(3 * 480, 480)));
  const tensor row = unpacked(packed(alone));
  CHECK(std::equal(row.as<float>().begin(), row.as<float>().end(), got.as<float>().begin() + 3 * 480));
}

TEST_CASE("a device packs the bits that the reference packs") {
  const tensor values = random_halves({3, 2, 40}, 11);
  const auto want = packed(values);
  const auto got =
      run_on("", {.op = "PackRows", .inputs = {values}, .version = 1, .outputs = 2, .domain = "troupe"}, dtype::f16);
  CHECK(bitwise_equal(got[0], want[0]));
  CHECK(bitwise_equal(got[1], want[1]));
}

TEST_CASE("what cannot be packed or unpacked is refused") {
  refusal({.op = "PackRows", .inputs = {list_of({1, 2})}, .version = 1, .outputs = 2, .domain = "troupe"});
  const tensor codes = need(tensor::make(dtype::i8, shape{2, 40}));
  for (const tensor& scales : {tensor_of<float>({3}, {1, 1, 1}), tensor_of<float>({2, 1}, {1, 1}), list_of({1, 2})})
    CHECK(refusal({.op = "UnpackRows", .inputs = {codes, scales}, .version = 1, .domain = "troupe"})
              .message()
              .find("scales") != std::string::npos);
}
