#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("ConstantOfShape repeats its value, which is a float 0 by default") {
  check_value({.op = "ConstantOfShape", .inputs = {list_of({2, 3})}}, need(tensor::make(dtype::f32, {2, 3})));
  check_value({.op = "ConstantOfShape", .inputs = {list_of({})}}, scalar_of(0.0f));
  check_value({.op = "ConstantOfShape", .inputs = {list_of({2, 0})}}, need(tensor::make(dtype::f32, {2, 0})));
  for (const dtype type : all_types)
    check_value({.op = "ConstantOfShape",
                 .inputs = {list_of({3})},
                 .attributes = {{"value", need(convert(list_of({1}), type))}}},
                need(convert(list_of({1, 1, 1}), type)));
}

TEST_CASE("ConstantOfShape refuses shapes that are none") {
  CHECK(!refusal({.op = "ConstantOfShape", .inputs = {list_of({-1})}}).message().empty());
  CHECK(!refusal({.op = "ConstantOfShape", .inputs = {list_of({1 << 30, 1 << 30})}}).message().empty());
  CHECK(refusal({.op = "ConstantOfShape", .inputs = {scalar_of(std::int64_t{1})}}).code() == errc::invalid_argument);
  CHECK(
      refusal({.op = "ConstantOfShape", .inputs = {list_of({1})}, .attributes = {{"value", list_of({1, 2})}}}).code() ==
      errc::invalid_argument);
}

TEST_CASE("EyeLike sets a diagonal") {
  const tensor any = need(tensor::make(dtype::i32, {2, 3}));
  check_value({.op = "EyeLike", .inputs = {any}}, tensor_of<std::int32_t>({2, 3}, {1, 0, 0, 0, 1, 0}));
  check_value({.op = "EyeLike", .inputs = {any}, .attributes = {{"k", std::int64_t{1}}, {"dtype", std::int64_t{1}}}},
              tensor_of<float>({2, 3}, {0, 1, 0, 0, 0, 1}));
  check_value({.op = "EyeLike", .inputs = {any}, .attributes = {{"k", std::int64_t{-1}}}},
              tensor_of<std::int32_t>({2, 3}, {0, 0, 0, 1, 0, 0}));
  constexpr auto far = std::numeric_limits<std::int64_t>::min();
  check_value({.op = "EyeLike", .inputs = {any}, .attributes = {{"k", far}}}, any);
  CHECK(refusal({.op = "EyeLike", .inputs = {list_of({1})}}).code() == errc::invalid_argument);
}

TEST_CASE("Range counts up and down in every type") {
  const auto range = [](tensor start, tensor limit, tensor delta) {
    return kernel_case{.op = "Range", .inputs = {std::move(start), std::move(limit), std::move(delta)}};
  };
  check_value(range(scalar_of(1.0f), scalar_of(5.0f), scalar_of(2.0f)), tensor_of<float>({2}, {1, 3}));
  check_value(range(scalar_of(1.0f), scalar_of(5.5f), scalar_of(2.0f)), tensor_of<float>({3}, {1, 3, 5}));
  check_value(range(scalar_of<std::int32_t>(10), scalar_of<std::int32_t>(6), scalar_of<std::int32_t>(-3)),
              tensor_of<std::int32_t>({2}, {10, 7}));
  check_value(range(scalar_of<std::int64_t>(3), scalar_of<std::int64_t>(3), scalar_of<std::int64_t>(1)), list_of({}));
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  check_value(range(scalar_of(lowest), scalar_of(highest), scalar_of(highest)), list_of({lowest, -1, highest - 1}));
  check_value(range(scalar_of(0.0), scalar_of(0.3), scalar_of(0.1)), tensor_of<double>({3}, {0, 0.1, 0.2}));
}

TEST_CASE("Range refuses steps that never arrive") {
  const auto code = [](tensor start, tensor limit, tensor delta) {
    return refusal({.op = "Range", .inputs = {std::move(start), std::move(limit), std::move(delta)}}).code();
  };
  const tensor zero = scalar_of<std::int64_t>(0), one = scalar_of<std::int64_t>(1);
  CHECK(code(zero, one, zero) == errc::invalid_argument);
  CHECK(code(zero, scalar_of(std::numeric_limits<std::int64_t>::max()), one) == errc::invalid_argument);
  CHECK(code(scalar_of(0.0f), scalar_of(1.0f), scalar_of(0.0f)) == errc::invalid_argument);
  CHECK(code(scalar_of(0.0f), scalar_of(1.0f), scalar_of(std::numeric_limits<float>::quiet_NaN())) ==
        errc::invalid_argument);
  CHECK(code(zero, one, scalar_of(1.0f)) == errc::invalid_argument);
  CHECK(code(zero, one, list_of({1, 2})) == errc::invalid_argument);
}

TEST_CASE("Size is the number of elements") {
  check_value({.op = "Size", .inputs = {counting({2, 3, 4})}}, scalar_of<std::int64_t>(24));
  check_value({.op = "Size", .inputs = {scalar_of(1.0f)}}, scalar_of<std::int64_t>(1));
  check_value({.op = "Size", .inputs = {need(tensor::make(dtype::boolean, {3, 0}))}}, scalar_of<std::int64_t>(0));
}
