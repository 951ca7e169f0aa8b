#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("logical operators have their truth tables and broadcast") {
  const tensor a = tensor_of<bool>({2, 1}, {false, true}), b = tensor_of<bool>({2}, {false, true});
  check_value({.op = "And", .inputs = {a, b}}, tensor_of<bool>({2, 2}, {false, false, false, true}));
  check_value({.op = "Or", .inputs = {a, b}}, tensor_of<bool>({2, 2}, {false, true, true, true}));
  check_value({.op = "Xor", .inputs = {a, b}}, tensor_of<bool>({2, 2}, {false, true, true, false}));
  check_value({.op = "Not", .inputs = {b}}, tensor_of<bool>({2}, {true, false}));
}

TEST_CASE("bitwise operators work on every bit of every integer type") {
  constexpr auto all = std::numeric_limits<std::uint64_t>::max();
  const tensor a = tensor_of<std::uint64_t>({2}, {0xf0f0, all}), b = scalar_of<std::uint64_t>(0xff00);
  check_value({.op = "BitwiseAnd", .inputs = {a, b}, .version = 18}, tensor_of<std::uint64_t>({2}, {0xf000, 0xff00}));
  check_value({.op = "BitwiseOr", .inputs = {a, b}, .version = 18}, tensor_of<std::uint64_t>({2}, {0xfff0, all}));
  check_value({.op = "BitwiseXor", .inputs = {a, b}, .version = 18},
              tensor_of<std::uint64_t>({2}, {0x0ff0, all ^ 0xff00}));
  for (const dtype type : {dtype::i8, dtype::i16, dtype::i32, dtype::i64})
    check_value({.op = "BitwiseNot", .inputs = {need(convert(list_of({0, -1, 5}), type))}, .version = 18},
                need(convert(list_of({-1, 0, -6}), type)));
  check_value({.op = "BitwiseNot", .inputs = {tensor_of<std::uint8_t>({2}, {0, 5})}, .version = 18},
              tensor_of<std::uint8_t>({2}, {255, 250}));
}

TEST_CASE("BitShift drops the bits that leave the type") {
  const tensor x = tensor_of<std::uint8_t>({3}, {16, 4, 255}), by = tensor_of<std::uint8_t>({3}, {1, 2, 100});
  check_value({.op = "BitShift", .inputs = {x, by}, .attributes = {{"direction", std::string("RIGHT")}}},
              tensor_of<std::uint8_t>({3}, {8, 1, 0}));
  check_value({.op = "BitShift",
               .inputs = {x, tensor_of<std::uint8_t>({3}, {4, 2, 1})},
               .attributes = {{"direction", std::string("LEFT")}}},
              tensor_of<std::uint8_t>({3}, {0, 16, 254}));
}

TEST_CASE("IsNaN and IsInf tell the special values apart") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const tensor x = tensor_of<float>({4}, {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 1});
  for (const tensor& operand : {x, need(convert(x, dtype::f16)), need(convert(x, dtype::f64))}) {
    check_value({.op = "IsNaN", .inputs = {operand}}, tensor_of<bool>({4}, {true, false, false, false}));
    check_value({.op = "IsInf", .inputs = {operand}}, tensor_of<bool>({4}, {false, true, true, false}));
    check_value({.op = "IsInf", .inputs = {operand}, .attributes = {{"detect_negative", std::int64_t{0}}}},
                tensor_of<bool>({4}, {false, true, false, false}));
    check_value({.op = "IsInf", .inputs = {operand}, .attributes = {{"detect_positive", std::int64_t{0}}}},
                tensor_of<bool>({4}, {false, false, true, false}));
  }
}

TEST_CASE("logical and bitwise operators refuse what they are not defined for") {
  const tensor flags = tensor_of<bool>({2}, {true, false}), ints = list_of({1, 2});
  CHECK(refusal({.op = "And", .inputs = {ints, ints}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Not", .inputs = {ints}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Or", .inputs = {flags, tensor_of<bool>({3}, {true, true, true})}}).code() ==
        errc::invalid_argument);
  CHECK(refusal({.op = "BitwiseAnd", .inputs = {flags, flags}, .version = 18}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "BitwiseAnd", .inputs = {ints, tensor_of<std::int32_t>({2}, {1, 2})}, .version = 18}).code() ==
        errc::invalid_argument);
  CHECK(
      refusal({.op = "BitShift", .inputs = {ints, ints}, .attributes = {{"direction", std::string("LEFT")}}}).code() ==
      errc::invalid_argument);
  const tensor bytes = tensor_of<std::uint8_t>({1}, {1});
  CHECK(refusal({.op = "BitShift", .inputs = {bytes, bytes}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "IsNaN", .inputs = {ints}}).code() == errc::invalid_argument);
}
