#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

void check_comparison(const char* op, const tensor& a, const tensor& b, std::initializer_list<bool> want) {
  const auto count = static_cast<std::int64_t>(want.size());
  check_value({.op = op, .inputs = {a, b}}, tensor_of<bool>({count}, want));
}

}  // namespace

TEST_CASE("comparisons have the values of the definition") {
  const tensor a = tensor_of<float>({4}, {1, 2, 3, not_a_number});
  const tensor b = scalar_of(2.0f);
  check_comparison("Equal", a, b, {false, true, false, false});
  check_comparison("Greater", a, b, {false, false, true, false});
  check_comparison("GreaterOrEqual", a, b, {false, true, true, false});
  check_comparison("Less", a, b, {true, false, false, false});
  check_comparison("LessOrEqual", a, b, {true, true, false, false});
}

TEST_CASE("comparisons are exact in every type") {
  constexpr std::int64_t large = std::int64_t{1} << 62;
  check_comparison("Equal", list_of({large, large + 1}), list_of({large, large}), {true, false});
  check_comparison("Less", list_of({large, -1}), list_of({large + 1, 0}), {true, true});
  check_comparison("Greater", tensor_of<std::uint8_t>({2}, {200, 1}), tensor_of<std::uint8_t>({2}, {100, 2}),
                   {true, false});
  check_comparison("Equal", tensor_of<bool>({2}, {true, false}), tensor_of<bool>({2}, {true, true}), {true, false});
  for (const dtype type : all_types) check_comparison("Equal", counting({2}, type), counting({2}, type), {true, true});
}

TEST_CASE("comparisons and Where broadcast") {
  check_value({.op = "Less", .inputs = {tensor_of<float>({2, 1}, {1, 2}), tensor_of<float>({2}, {1, 2})}},
              tensor_of<bool>({2, 2}, {false, true, false, false}));
  check_value({.op = "Where",
               .inputs = {tensor_of<bool>({2, 1}, {true, false}), tensor_of<float>({3}, {1, 2, 3}), scalar_of(9.0f)}},
              tensor_of<float>({2, 3}, {1, 2, 3, 9, 9, 9}));
}

TEST_CASE("Where keeps every type") {
  for (const dtype type : all_types)
    check_value({.op = "Where",
                 .inputs = {tensor_of<bool>({2}, {true, false}), need(convert(list_of({1, 1}), type)),
                            need(convert(list_of({0, 0}), type))}},
                need(convert(list_of({1, 0}), type)));
}

TEST_CASE("comparisons and Where work between device operators", "[device]") {
  check_kernel({.op = "Where",
                .inputs = {tensor_of<bool>({3}, {true, false, true}), random_halves({2, 3}, 1), random_halves({3}, 2)}},
               exact);
}

TEST_CASE("comparisons and Where refuse operands that do not fit") {
  const tensor two = tensor_of<float>({2}, {1, 2});
  const tensor flags = tensor_of<bool>({2}, {true, false});
  CHECK(refusal({.op = "Equal", .inputs = {two, list_of({1, 2})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Equal", .inputs = {two, counting({3})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Less", .inputs = {flags, flags}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Where", .inputs = {two, two, two}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Where", .inputs = {flags, two, list_of({1, 2})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Where", .inputs = {flags, two, counting({3})}}).code() == errc::invalid_argument);
}
