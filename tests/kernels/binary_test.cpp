// Bounds: one rounding of each operand and one of the result.
#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

template <class T>
void check_pair(const char* op, T a, T b, T want) {
  INFO(op << "(" << +a << ", " << +b << ")");
  check_value({.op = op, .inputs = {scalar_of(a), scalar_of(b)}}, scalar_of(want));
}

}  // namespace

TEST_CASE("arithmetic broadcasts every pattern", "[device]") {
  const std::pair<shape, shape> patterns[] = {
      {{}, {}},
      {{7}, {}},
      {{}, {2, 3}},
      {{65}, {65}},
      {{4, 5}, {5}},
      {{4, 5}, {4, 1}},
      {{4, 1}, {1, 5}},
      {{2, 3, 4, 5}, {3, 1, 1}},
      {{2, 1, 4, 1}, {3, 1, 5}},
      {{1, 8, 7, 9}, {1, 8, 1, 1}},
      {{2, 1, 2, 1, 2, 1}, {2, 1, 2, 1, 2}},
      {{2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2}},
      {{1, 1, 1}, {1, 1}},
      // Innermost extents that are multiples of 8 take another path: eight neighbours, or one element for eight.
      {{3, 40}, {3, 40}},
      {{3, 40}, {}},
      {{}, {3, 40}},
      {{3, 40}, {40}},
      {{3, 40}, {3, 1}},
      {{3, 1}, {40}},
      {{2, 3, 8}, {3, 1}},
      {{2, 1, 8}, {1, 5, 8}},
      {{1, 16, 6, 4}, {1, 16, 1, 1}},
  };
  for (const auto& [a, b] : patterns)
    for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
      INFO(op << " of " << a.to_string() << " and " << b.to_string());
      // Operands away from 0, so that neither a difference nor a quotient magnifies their rounding.
      check_kernel({.op = op, .inputs = {random_tensor(a, 3, 4, 6), random_tensor(b, 4, 1, 2)}}, two_roundings);
    }
}

TEST_CASE("arithmetic with empty tensors gives empty tensors", "[device]") {
  check_kernel({.op = "Add", .inputs = {need(tensor::make(dtype::f32, {0, 3})), random_tensor({3}, 1)}}, exact);
  check_kernel({.op = "Mul", .inputs = {need(tensor::make(dtype::f32, {2, 0})), random_tensor({2, 1}, 1)}}, exact);
}

TEST_CASE("a broadcast sum has the values of the definition") {
  check_value({.op = "Add", .inputs = {tensor_of<float>({2, 1}, {10, 20}), tensor_of<float>({3}, {1, 2, 3})}},
              tensor_of<float>({2, 3}, {11, 12, 13, 21, 22, 23}));
  check_value({.op = "Sub", .inputs = {tensor_of<float>({3}, {1, 2, 3}), tensor_of<float>({2, 1}, {10, 20})}},
              tensor_of<float>({2, 3}, {-9, -8, -7, -19, -18, -17}));
  check_value({.op = "Div", .inputs = {tensor_of<float>({2, 2}, {2, 4, 6, 8}), scalar_of(4.0f)}},
              tensor_of<float>({2, 2}, {0.5f, 1, 1.5f, 2}));
}

TEST_CASE("integer arithmetic is exact and wraps around") {
  check_pair<std::uint8_t>("Add", 250, 10, 4);
  check_pair<std::uint8_t>("Sub", 3, 5, 254);
  check_pair<std::uint8_t>("Mul", 20, 20, 144);
  check_pair<std::uint8_t>("Div", 250, 7, 35);
  check_pair<std::int8_t>("Add", 127, 1, -128);
  check_pair<std::int8_t>("Sub", -128, 1, 127);
  check_pair<std::int8_t>("Mul", -128, -1, -128);
  check_pair<std::int8_t>("Div", -128, -1, -128);
  check_pair<std::int8_t>("Div", -7, 2, -3);
  constexpr auto lowest = std::numeric_limits<std::int32_t>::min();
  check_pair<std::int32_t>("Div", lowest, -1, lowest);
  check_pair<std::int32_t>("Mul", 65536, 65536, 0);
  constexpr std::int64_t large = (std::int64_t{1} << 60) + 1;
  check_pair<std::int64_t>("Add", large, 1, large + 1);
  check_pair<std::int64_t>("Mul", large, 3, 3 * large);
  check_pair<std::int64_t>("Div", std::numeric_limits<std::int64_t>::min(), -1,
                           std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("dividing an integer by zero is an error and dividing a float is not") {
  const error refused = refusal({.op = "Div", .inputs = {list_of({1, 2}), list_of({1, 0})}});
  CHECK(refused.code() == errc::invalid_argument);
  CHECK(refused.message().find("zero") != std::string::npos);
  check_value({.op = "Div", .inputs = {tensor_of<float>({2}, {1, -1}), scalar_of(0.0f)}},
              tensor_of<float>({2}, {infinity, -infinity}));
}

TEST_CASE("float64 and float16 arithmetic keep their precision") {
  check_pair<double>("Add", 1, 0x1p-50, 1 + 0x1p-50);
  const auto half = [](float value) { return need(convert(scalar_of(value), dtype::f16)); };
  check_value({.op = "Add", .inputs = {half(2048), half(1)}}, half(2048));  // ties to even
  check_value({.op = "Add", .inputs = {half(2048), half(3)}}, half(2052));
  check_value({.op = "Mul", .inputs = {half(60000), half(2)}}, half(65504));  // clamps
}

TEST_CASE("a finite result too large for binary16 is stored as the largest finite one", "[device]") {
  const kernel_case given{.op = "Mul", .inputs = {tensor_of<float>({3}, {60000, -60000, 1}), scalar_of(2.0f)}};
  const auto halves = run_on("", given, dtype::f16);
  CHECK(bitwise_equal(halves[0], tensor_of<float>({3}, {65504, -65504, 2})));
  check_kernel({.op = "Div", .inputs = {tensor_of<float>({4}, {1, -1, 0, not_a_number}), scalar_of(0.0f)}}, exact);
  check_kernel({.op = "Add", .inputs = {tensor_of<float>({2}, {infinity, -infinity}), scalar_of(infinity)}}, exact);
}

TEST_CASE("results are rounded to the nearest binary16, ties to even", "[device]") {
  // Products of two binary16 are exact in fp32, so that only the store rounds. 401 elements go one by one, 400 by
  // eight.
  for (const std::int64_t size : {400, 401}) {
    tensor a = random_halves({size}, 31), b = random_halves({size}, 32);
    random_source random(33);
    for (float& x : a.as_mutable<float>())
      x *= std::ldexp(1.0f, -static_cast<int>(random.below(13)));  // some subnormal
    a = need(convert(need(convert(a, dtype::f16)), dtype::f32));
    tensor want = need(tensor::make(dtype::f32, {size}));
    for (std::size_t i = 0; i < want.elements(); ++i)
      want.as_mutable<float>()[i] = to_float(to_float16(a.as<float>()[i] * b.as<float>()[i]));
    CHECK(compare(run_on("", {.op = "Mul", .inputs = {a, b}}, dtype::f16)[0], want, exact) == "");
  }
}

TEST_CASE("Pow follows C in every corner", "[device]") {
  const tensor bases = tensor_of<float>({9}, {-infinity, -2, -1, -0.0f, 0, 0.5f, 1, 2, infinity});
  const tensor exponents =
      tensor_of<float>({12, 1}, {-infinity, -3, -2, -0.5f, 0, 0.5f, 1, 2, 3, 4, infinity, not_a_number});
  check_kernel({.op = "Pow", .inputs = {bases, exponents}}, two_roundings);
  check_kernel({.op = "Pow", .inputs = {random_tensor({40}, 5, 0.5f, 3), scalar_of(2.5f)}}, {3e-3, 3e-3});
  check_value({.op = "Pow", .inputs = {tensor_of<float>({2}, {3, -2}), scalar_of(3.0f)}},
              tensor_of<float>({2}, {27, -8}));
}

TEST_CASE("Pow takes exponents of another type and exact integers") {
  check_value({.op = "Pow", .inputs = {tensor_of<float>({2}, {3, -2}), scalar_of<std::int64_t>(2)}},
              tensor_of<float>({2}, {9, 4}));
  check_value({.op = "Pow", .inputs = {list_of({3, -2, 7}), scalar_of(2.0f)}}, list_of({9, 4, 49}));
  check_pair<std::int64_t>("Pow", 3, 39, 4052555153018976267);
  check_pair<std::int64_t>("Pow", 2, -1, 0);
  check_pair<std::int64_t>("Pow", -1, -3, -1);
  check_pair<std::int64_t>("Pow", -1, -4, 1);
  check_pair<std::int64_t>("Pow", 1, -4, 1);
  CHECK(refusal({.op = "Pow", .inputs = {list_of({0}), list_of({-1})}}).code() == errc::invalid_argument);
}

TEST_CASE("PRelu takes a slope for each channel", "[device]") {
  check_kernel({.op = "PRelu", .inputs = {random_tensor({2, 3, 5, 5}, 5, -2, 2), random_tensor({3, 1, 1}, 6)}},
               two_roundings);
  check_value(
      {.op = "PRelu", .inputs = {tensor_of<float>({2, 2}, {-1, 2, -3, 4}), tensor_of<float>({2, 1}, {0.5f, 2})}},
      tensor_of<float>({2, 2}, {-0.5f, 2, -6, 4}));
  CHECK(refusal({.op = "PRelu", .inputs = {random_tensor({3}, 1), random_tensor({2, 3}, 1)}}).code() ==
        errc::invalid_argument);
}

TEST_CASE("Sum, Min and Max take any number of operands", "[device]") {
  const std::vector<tensor> operands = {random_tensor({2, 3, 4}, 1), random_tensor({4}, 2), random_tensor({3, 1}, 3),
                                        random_tensor({}, 4), random_tensor({2, 1, 4}, 5)};
  for (const char* op : {"Sum", "Min", "Max"})
    for (std::size_t count = 1; count <= operands.size(); ++count) {
      INFO(count << " operands");
      // Each partial sum is rounded to storage: up to four roundings of values of the result's size.
      check_kernel({.op = op, .inputs = {operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(count)}},
                   {3e-3, 3e-3});
    }
  const tensor a = tensor_of<float>({2}, {1, 5}), b = tensor_of<float>({2}, {4, 2}), c = scalar_of(3.0f);
  check_value({.op = "Sum", .inputs = {a, b, c}}, tensor_of<float>({2}, {8, 10}));
  check_value({.op = "Min", .inputs = {a, b, c}}, tensor_of<float>({2}, {1, 2}));
  check_value({.op = "Max", .inputs = {a, b, c}}, tensor_of<float>({2}, {4, 5}));
  check_value({.op = "Max", .inputs = {list_of({1, -5}), list_of({0, 7})}}, list_of({1, 7}));
}

TEST_CASE("a NaN wins in Min and Max", "[device]") {
  const tensor a = tensor_of<float>({3}, {not_a_number, 1, 2}), b = tensor_of<float>({3}, {1, not_a_number, 3});
  for (const char* op : {"Min", "Max"}) check_kernel({.op = op, .inputs = {a, b}}, exact);
  CHECK(std::isnan(need(evaluate({.op = "Min", .inputs = {a, b}}))[0].as<float>()[1]));
}

TEST_CASE("arithmetic refuses operands that do not fit") {
  const tensor three = random_tensor({3}, 1);
  CHECK(refusal({.op = "Add", .inputs = {three, random_tensor({2}, 1)}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Add", .inputs = {three, list_of({1, 2, 3})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Add", .inputs = {three}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Add", .inputs = {three, three, three}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Add", .inputs = {three, tensor()}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Sum", .inputs = {}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Sum", .inputs = {three, tensor(), three}}).code() == errc::invalid_argument);
  const tensor flags = tensor_of<bool>({1}, {true});
  CHECK(refusal({.op = "Mul", .inputs = {flags, flags}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Add", .inputs = {three, three}, .version = 6}).code() == errc::unsupported);
}

TEST_CASE("arithmetic refuses results with too many elements without allocating them") {
  const tensor tall = need(tensor::make(dtype::i8, {1 << 21, 1}));
  const tensor wide = need(tensor::make(dtype::i8, {1 << 21}));
  CHECK(refusal({.op = "Add", .inputs = {tall, wide}}).message().find("elements") != std::string::npos);
}

TEST_CASE("Mod takes the sign of the divisor, and with fmod that of the dividend") {
  const tensor a = tensor_of<std::int32_t>({6}, {-4, 7, 5, 4, -7, 8});
  const tensor b = tensor_of<std::int32_t>({6}, {2, -3, 8, -2, 3, 5});
  check_value({.op = "Mod", .inputs = {a, b}}, tensor_of<std::int32_t>({6}, {0, -2, 5, 0, 2, 3}));
  check_value({.op = "Mod", .inputs = {a, b}, .attributes = {{"fmod", std::int64_t{1}}}},
              tensor_of<std::int32_t>({6}, {0, 1, 5, 0, -1, 3}));
  check_value({.op = "Mod",
               .inputs = {tensor_of<float>({3}, {-4.25f, 7.5f, 5}), tensor_of<float>({3}, {2, -3.5f, infinity})},
               .attributes = {{"fmod", std::int64_t{1}}}},
              tensor_of<float>({3}, {-0.25f, 0.5f, 5}));
  check_value(
      {.op = "Mod", .inputs = {tensor_of<std::uint64_t>({1}, {~std::uint64_t{0}}), scalar_of<std::uint64_t>(10)}},
      tensor_of<std::uint64_t>({1}, {5}));
  check_value({.op = "Mod", .inputs = {list_of({std::numeric_limits<std::int64_t>::min()}), list_of({-1})}},
              list_of({0}));
}

TEST_CASE("Mod refuses zero, and floats without fmod") {
  CHECK(refusal({.op = "Mod", .inputs = {list_of({1}), list_of({0})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Mod", .inputs = {scalar_of(1.0f), scalar_of(2.0f)}}).code() == errc::invalid_argument);
}

TEST_CASE("Mean divides by the number of operands", "[device]") {
  check_value({.op = "Mean",
               .inputs = {tensor_of<float>({2}, {1, 2}), tensor_of<float>({2}, {3, 4}), tensor_of<float>({1}, {5})}},
              tensor_of<float>({2}, {3, 11.0f / 3}));
  for (const std::int64_t columns : {1, 7, 64}) {
    const tensor a = random_tensor({3, columns}, 1, 1, 3), b = random_tensor({columns}, 2, 1, 3);
    check_kernel({.op = "Mean", .inputs = {a}}, two_roundings);
    check_kernel({.op = "Mean", .inputs = {a, b}}, two_roundings);
    check_kernel({.op = "Mean", .inputs = {a, b, scalar_of(2.0f), b}}, {2e-3, 2e-3});  // sums between are rounded, too
  }
  CHECK(refusal({.op = "Mean", .inputs = {list_of({1}), list_of({2})}}).code() == errc::invalid_argument);
}
