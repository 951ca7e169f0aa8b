#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// ONNX's number of an element type.
std::int64_t onnx_number(dtype type) {
  switch (type) {
    case dtype::f32: return 1;
    case dtype::u8: return 2;
    case dtype::i8: return 3;
    case dtype::i32: return 6;
    case dtype::i64: return 7;
    case dtype::boolean: return 9;
    case dtype::f16: return 10;
    case dtype::f64: return 11;
    case dtype::u16: return 4;
    case dtype::i16: return 5;
    case dtype::u32: return 12;
    case dtype::u64: return 13;
  }
  return 0;
}

kernel_case cast(const tensor& data, dtype to) {
  return {.op = "Cast", .inputs = {data}, .attributes = {{"to", onnx_number(to)}}};
}

tensor halves(std::initializer_list<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return need(convert(tensor_of<float>({count}, values), dtype::f16));
}

}  // namespace

TEST_CASE("0 and 1 are the same in all pairs of types") {
  for (const dtype from : all_types)
    for (const dtype to : all_types) {
      INFO(to_string(from) << " to " << to_string(to));
      const tensor got = need(evaluate(cast(counting({2}, from), to)))[0];
      REQUIRE(got.type() == to);
      switch (to) {
        case dtype::f16: CHECK((got.as<float16>()[0].bits == 0 && got.as<float16>()[1].bits == 0x3c00)); break;
        case dtype::f32: CHECK(bitwise_equal(got, tensor_of<float>({2}, {0, 1}))); break;
        case dtype::f64: CHECK(bitwise_equal(got, tensor_of<double>({2}, {0, 1}))); break;
        case dtype::i8: CHECK(bitwise_equal(got, tensor_of<std::int8_t>({2}, {0, 1}))); break;
        case dtype::u8: CHECK(bitwise_equal(got, tensor_of<std::uint8_t>({2}, {0, 1}))); break;
        case dtype::i32: CHECK(bitwise_equal(got, tensor_of<std::int32_t>({2}, {0, 1}))); break;
        case dtype::i64: CHECK(bitwise_equal(got, list_of({0, 1}))); break;
        case dtype::boolean: CHECK(bitwise_equal(got, tensor_of<bool>({2}, {false, true}))); break;
        case dtype::i16: CHECK(bitwise_equal(got, tensor_of<std::int16_t>({2}, {0, 1}))); break;
        case dtype::u16: CHECK(bitwise_equal(got, tensor_of<std::uint16_t>({2}, {0, 1}))); break;
        case dtype::u32: CHECK(bitwise_equal(got, tensor_of<std::uint32_t>({2}, {0, 1}))); break;
        case dtype::u64: CHECK(bitwise_equal(got, tensor_of<std::uint64_t>({2}, {0, 1}))); break;
      }
    }
}

TEST_CASE("floats are truncated towards zero, saturate, and NaN becomes 0") {
  const tensor floats = tensor_of<float>({8}, {1.9f, -1.9f, 300, -300, 3e9f, -3e9f, infinity, not_a_number});
  constexpr auto highest = std::numeric_limits<std::int32_t>::max();
  constexpr auto lowest = std::numeric_limits<std::int32_t>::min();
  check_value(cast(floats, dtype::i32), tensor_of<std::int32_t>({8}, {1, -1, 300, -300, highest, lowest, highest, 0}));
  check_value(cast(floats, dtype::i8), tensor_of<std::int8_t>({8}, {1, -1, 127, -128, 127, -128, 127, 0}));
  check_value(cast(floats, dtype::u8), tensor_of<std::uint8_t>({8}, {1, 0, 255, 0, 255, 0, 255, 0}));
  check_value(cast(floats, dtype::i64),
              list_of({1, -1, 300, -300, 3'000'000'000, -3'000'000'000, std::numeric_limits<std::int64_t>::max(), 0}));
  check_value(cast(tensor_of<double>({2}, {1e300, -1e300}), dtype::i64),
              list_of({std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}));
  check_value(cast(floats, dtype::u16), tensor_of<std::uint16_t>({8}, {1, 0, 300, 0, 65535, 0, 65535, 0}));
  check_value(cast(floats, dtype::i16), tensor_of<std::int16_t>({8}, {1, -1, 300, -300, 32767, -32768, 32767, 0}));
  check_value(cast(tensor_of<double>({3}, {1e300, -1, 1.5}), dtype::u64),
              tensor_of<std::uint64_t>({3}, {std::numeric_limits<std::uint64_t>::max(), 0, 1}));
  check_value(cast(halves({2.75f, -65504}), dtype::i32), tensor_of<std::int32_t>({2}, {2, -65504}));
}

TEST_CASE("CastLike takes the type of its second operand") {
  check_value({.op = "CastLike", .inputs = {tensor_of<float>({2}, {1.9f, -2}), list_of({})}, .version = 15},
              list_of({1, -2}));
  CHECK(refusal({.op = "CastLike", .inputs = {list_of({1})}, .version = 15}).code() == errc::invalid_argument);
}

TEST_CASE("CastLike between float16 and float32 stays on the device and rounds", "[device]") {
  check_kernel({.op = "CastLike",
                .inputs = {random_tensor({3, 67}, 3, -1000, 1000), need(tensor::make(dtype::f16, {1}))},
                .version = 15},
               exact);
}

TEST_CASE("anything but zero is true") {
  check_value(cast(tensor_of<float>({5}, {0, -0.0f, 0.25f, not_a_number, -infinity}), dtype::boolean),
              tensor_of<bool>({5}, {false, false, true, true, true}));
  check_value(cast(halves({0, -0.0f, 6e-8f}), dtype::boolean), tensor_of<bool>({3}, {false, false, true}));
  check_value(cast(list_of({0, 256, -1}), dtype::boolean), tensor_of<bool>({3}, {false, true, true}));
}

TEST_CASE("integers keep their low bits and widen with their sign") {
  check_value(cast(list_of({255, 256, -1, 0x1234567890}), dtype::u8),
              tensor_of<std::uint8_t>({4}, {255, 0, 255, 0x90}));
  check_value(cast(list_of({127, 128, -129}), dtype::i8), tensor_of<std::int8_t>({3}, {127, -128, 127}));
  check_value(cast(list_of({std::int64_t{1} << 31, -1}), dtype::i32),
              tensor_of<std::int32_t>({2}, {std::numeric_limits<std::int32_t>::min(), -1}));
  check_value(cast(tensor_of<std::int8_t>({2}, {-1, -128}), dtype::i64), list_of({-1, -128}));
  check_value(cast(tensor_of<std::int8_t>({2}, {-1, -128}), dtype::u8), tensor_of<std::uint8_t>({2}, {255, 128}));
}

TEST_CASE("numbers become the nearest float, ties to even") {
  check_value(cast(list_of({(1 << 24) + 1, (1 << 24) + 3}), dtype::f32), tensor_of<float>({2}, {0x1p24f, 0x1p24f + 4}));
  check_value(cast(tensor_of<double>({2}, {1 + 0x1p-24, 1e300}), dtype::f32), tensor_of<float>({2}, {1, infinity}));
  const tensor rounded = need(evaluate(cast(tensor_of<float>({4}, {2049, 2051, 70000, 1e-8f}), dtype::f16)))[0];
  const auto bits = rounded.as<float16>();
  CHECK(bits[0].bits == 0x6800);  // 2048
  CHECK(bits[1].bits == 0x6802);  // 2052
  CHECK(bits[2].bits == 0x7c00);  // infinity
  CHECK(bits[3].bits == 0);
}

TEST_CASE("float64 is rounded to float16 once, not twice") {
  // Just above the middle between 1 and 1 + 2^-10; rounded to float32 first, it would fall on the middle and then to 1.
  const double above = 1 + 0x1p-11 + 0x1p-40;
  CHECK(need(evaluate(cast(scalar_of(above), dtype::f16)))[0].as<float16>()[0].bits == 0x3c01);
  const double below = 1 + 3 * 0x1p-11 - 0x1p-40;
  CHECK(need(evaluate(cast(scalar_of(below), dtype::f16)))[0].as<float16>()[0].bits == 0x3c01);
}

TEST_CASE("Cast between float16 and float32 stays on the device and rounds", "[device]") {
  check_kernel(cast(random_tensor({3, 67}, 3, -1000, 1000), dtype::f16), exact);
  check_kernel(cast(need(convert(random_tensor({65}, 3), dtype::f16)), dtype::f32), exact);
  const tensor awkward =
      tensor_of<float>({11}, {0, -0.0f, 2049, 2051, 6e-8f, 2.9e-8f, -3.1e-8f, 6.1e-5f, 65504, not_a_number, -infinity});
  const tensor want = need(convert(awkward, dtype::f16));
  CHECK(compare(run_on("", cast(awkward, dtype::f16), dtype::f32)[0], want, exact) == "");
}

TEST_CASE("Cast to and from other types gives the same on every device", "[device]") {
  for (const dtype type : {dtype::i8, dtype::i64, dtype::boolean, dtype::f64})
    check_kernel(cast(tensor_of<float>({4}, {0, 1, 2.5f, -3.5f}), type), exact);
  check_kernel(cast(list_of({0, 1, -2, 100}), dtype::f32), exact);
}

TEST_CASE("Cast takes scalars, empty tensors and the saturate attribute") {
  check_value(cast(scalar_of(2.5f), dtype::i64), scalar_of<std::int64_t>(2));
  check_value(cast(need(tensor::make(dtype::f32, {2, 0})), dtype::i64), need(tensor::make(dtype::i64, {2, 0})));
  kernel_case given = cast(scalar_of(2.5f), dtype::i64);
  given.attributes["saturate"] = std::int64_t{0};
  given.version = 19;
  check_value(given, scalar_of<std::int64_t>(2));
}

TEST_CASE("Cast refuses types that do not exist here") {
  for (const std::int64_t to : {0, 8, 14, 15, 16, 17, -1, 99}) {
    kernel_case given = cast(scalar_of(1.0f), dtype::f32);
    given.attributes["to"] = to;
    CHECK(refusal(given).code() == errc::unsupported);
  }
  CHECK(refusal({.op = "Cast", .inputs = {scalar_of(1.0f)}}).code() == errc::unsupported);
}
