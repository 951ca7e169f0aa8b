#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

kernel_case with_axis(const char* op, tensor data, std::int64_t axis, int version = 13) {
  return {.op = op, .inputs = {std::move(data)}, .attributes = {{"axis", axis}}, .version = version};
}

}  // namespace

TEST_CASE("ArgMax and ArgMin find the first of the best elements, or the last") {
  const tensor data = tensor_of<float>({2, 3}, {2, 5, 5, 7, 1, 1});
  check_value(with_axis("ArgMax", data, 1), tensor_of<std::int64_t>({2, 1}, {1, 0}));
  check_value(with_axis("ArgMin", data, 1), tensor_of<std::int64_t>({2, 1}, {0, 1}));
  check_value(with_axis("ArgMax", data, 0), tensor_of<std::int64_t>({1, 3}, {1, 0, 0}));
  kernel_case last = with_axis("ArgMax", data, -1);
  last.attributes["select_last_index"] = std::int64_t{1};
  last.attributes["keepdims"] = std::int64_t{0};
  check_value(last, list_of({2, 0}));
  last.op = "ArgMin";
  check_value(last, list_of({0, 2}));
  check_value(with_axis("ArgMax", tensor_of<float>({3}, {1, not_a_number, 9}), 0), list_of({1}));
  constexpr std::int64_t large = std::int64_t{1} << 62;
  check_value(with_axis("ArgMax", list_of({large, large + 1}), 0), list_of({1}));
}

TEST_CASE("TopK sorts the best elements, the lower index first among equals") {
  const auto check = [](const tensor& data, std::int64_t k, bool largest, const tensor& values, const tensor& indices) {
    const auto got = need(evaluate({.op = "TopK",
                                    .inputs = {data, list_of({k})},
                                    .attributes = {{"largest", std::int64_t{largest}}},
                                    .outputs = 2}));
    CHECK(bitwise_equal(got[0], values));
    CHECK(bitwise_equal(got[1], indices));
  };
  const tensor data = tensor_of<float>({4}, {3, 1, 3, 2});
  check(data, 3, true, tensor_of<float>({3}, {3, 3, 2}), list_of({0, 2, 3}));
  check(data, 2, false, tensor_of<float>({2}, {1, 2}), list_of({1, 3}));
  check(data, 0, true, need(tensor::make(dtype::f32, {0})), list_of({}));
  check(tensor_of<std::uint8_t>({2, 2}, {1, 200, 100, 7}), 1, true, tensor_of<std::uint8_t>({2, 1}, {200, 100}),
        tensor_of<std::int64_t>({2, 1}, {1, 0}));
  const auto old = need(evaluate({.op = "TopK",
                                  .inputs = {tensor_of<float>({2, 2}, {1, 4, 3, 2})},
                                  .attributes = {{"k", std::int64_t{1}}, {"axis", std::int64_t{0}}},
                                  .version = 9,
                                  .outputs = 2}));
  CHECK(bitwise_equal(old[0], tensor_of<float>({1, 2}, {3, 4})));
  CHECK(bitwise_equal(old[1], tensor_of<std::int64_t>({1, 2}, {1, 0})));
}

TEST_CASE("Hardmax marks the first of the largest elements") {
  check_value(with_axis("Hardmax", tensor_of<float>({2, 3}, {1, 3, 3, 2, 0, 1}), -1),
              tensor_of<float>({2, 3}, {0, 1, 0, 1, 0, 0}));
  check_value(with_axis("Hardmax", tensor_of<float>({2, 2}, {1, 3, 2, 0}), 0), tensor_of<float>({2, 2}, {0, 1, 1, 0}));
  // Up to opset 12 everything from the axis on is one row.
  check_value(with_axis("Hardmax", tensor_of<float>({1, 2, 2}, {1, 3, 4, 0}), 1, 11),
              tensor_of<float>({1, 2, 2}, {0, 0, 1, 0}));
}

TEST_CASE("what looks for the best refuses operands that do not fit") {
  CHECK(!refusal(with_axis("ArgMax", counting({2, 2}), 2)).message().empty());
  CHECK(refusal(with_axis("ArgMax", need(tensor::make(dtype::f32, {2, 0})), 1)).code() == errc::invalid_argument);
  CHECK(refusal(with_axis("ArgMax", tensor_of<bool>({1}, {true}), 0)).code() == errc::invalid_argument);
  CHECK(refusal({.op = "TopK", .inputs = {counting({2}), list_of({3})}, .outputs = 2}).code() ==
        errc::invalid_argument);
  CHECK(refusal({.op = "TopK", .inputs = {counting({2}), list_of({-1})}, .outputs = 2}).code() ==
        errc::invalid_argument);
  CHECK(refusal(with_axis("Hardmax", list_of({1}), 0)).code() == errc::unsupported);
}
