// Data only moves: results are exact.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("Split cuts evenly, by attribute and by operand") {
  const tensor data = counting({2, 4});
  const std::map<std::string, attribute, std::less<>> along_one{{"axis", std::int64_t{1}}};
  auto parts = need(evaluate({.op = "Split", .inputs = {data}, .attributes = along_one, .outputs = 2}));
  CHECK(bitwise_equal(parts[0], tensor_of<float>({2, 2}, {0, 1, 4, 5})));
  CHECK(bitwise_equal(parts[1], tensor_of<float>({2, 2}, {2, 3, 6, 7})));

  parts = need(evaluate({.op = "Split", .inputs = {data, list_of({1, 0, 3})}, .attributes = along_one, .outputs = 3}));
  CHECK(bitwise_equal(parts[0], tensor_of<float>({2, 1}, {0, 4})));
  CHECK(parts[1].dims() == shape{2, 0});
  CHECK(bitwise_equal(parts[2], tensor_of<float>({2, 3}, {1, 2, 3, 5, 6, 7})));

  parts = need(evaluate({.op = "Split",
                         .inputs = {data},
                         .attributes = {{"axis", std::int64_t{-1}}, {"split", std::vector<std::int64_t>{3, 1}}},
                         .version = 11,
                         .outputs = 2}));
  CHECK(bitwise_equal(parts[1], tensor_of<float>({2, 1}, {3, 7})));
}

TEST_CASE("Split gives the last part what is left from opset 18 on") {
  const auto parts = need(evaluate({.op = "Split",
                                    .inputs = {counting({5})},
                                    .attributes = {{"num_outputs", std::int64_t{3}}},
                                    .version = 18,
                                    .outputs = 3}));
  CHECK(bitwise_equal(parts[1], tensor_of<float>({2}, {2, 3})));
  CHECK(bitwise_equal(parts[2], tensor_of<float>({1}, {4})));
}

TEST_CASE("Split cuts along any axis on a device", "[device]") {
  for (const std::int64_t axis : {0, 1, 2})
    check_kernel(
        {.op = "Split", .inputs = {random_halves({6, 12, 18}, 3)}, .attributes = {{"axis", axis}}, .outputs = 3},
        exact);
  check_kernel(
      {.op = "Split", .inputs = {random_halves({7, 5}, 3), list_of({3, 0, 4})}, .outputs = 3, .constants = {1}}, exact);
}

TEST_CASE("Split refuses parts that do not add up") {
  const tensor data = counting({5});
  CHECK(refusal({.op = "Split", .inputs = {data}, .outputs = 2}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Split", .inputs = {data, list_of({2, 2})}, .outputs = 2}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Split", .inputs = {data, list_of({6, -1})}, .outputs = 2}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Split", .inputs = {data, list_of({5})}, .outputs = 2}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Split", .inputs = {scalar_of(1.0f)}, .outputs = 1}).code() == errc::invalid_argument);
}
