#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("NonZero lists the indices of what is not zero") {
  check_value({.op = "NonZero", .inputs = {tensor_of<bool>({2, 2}, {true, false, true, true})}},
              tensor_of<std::int64_t>({2, 3}, {0, 1, 1, 0, 0, 1}));
  check_value({.op = "NonZero", .inputs = {tensor_of<float>({3}, {0, -0.0f, 0.5f})}},
              tensor_of<std::int64_t>({1, 1}, {2}));
  check_value({.op = "NonZero", .inputs = {list_of({0, 0})}}, need(tensor::make(dtype::i64, {1, 0})));
}

TEST_CASE("Compress keeps the slices whose flag is set") {
  const tensor data = tensor_of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const auto compress = [&](tensor condition, std::optional<std::int64_t> axis) {
    kernel_case made{.op = "Compress", .inputs = {data, std::move(condition)}};
    if (axis) made.attributes["axis"] = *axis;
    return made;
  };
  check_value(compress(tensor_of<bool>({3}, {false, true, true}), 0), tensor_of<float>({2, 2}, {3, 4, 5, 6}));
  check_value(compress(tensor_of<bool>({2}, {false, true}), -1), tensor_of<float>({3, 1}, {2, 4, 6}));
  check_value(compress(tensor_of<bool>({5}, {false, true, false, false, true}), std::nullopt),
              tensor_of<float>({2}, {2, 5}));
  check_value(compress(tensor_of<bool>({1}, {false}), 0), need(tensor::make(dtype::f32, {0, 2})));
  CHECK(refusal(compress(tensor_of<bool>({3}, {true, true, true}), 1)).code() == errc::invalid_argument);
  CHECK(refusal(compress(list_of({1}), 0)).code() == errc::invalid_argument);
  CHECK(!refusal(compress(tensor_of<bool>({1}, {true}), 2)).message().empty());
}

TEST_CASE("Unique finds the distinct elements in order of size or of appearance") {
  const auto unique = [](tensor data, bool sorted, std::optional<std::int64_t> axis = std::nullopt) {
    kernel_case made{
        .op = "Unique", .inputs = {std::move(data)}, .attributes = {{"sorted", std::int64_t{sorted}}}, .outputs = 4};
    if (axis) made.attributes["axis"] = *axis;
    return need(evaluate(made));
  };
  const tensor data = tensor_of<float>({6}, {2, 1, 1, 3, 4, 3});
  const auto sorted = unique(data, true);
  CHECK(bitwise_equal(sorted[0], tensor_of<float>({4}, {1, 2, 3, 4})));
  CHECK(bitwise_equal(sorted[1], list_of({1, 0, 3, 4})));
  CHECK(bitwise_equal(sorted[2], list_of({1, 0, 0, 2, 3, 2})));
  CHECK(bitwise_equal(sorted[3], list_of({2, 1, 2, 1})));
  const auto unsorted = unique(data, false);
  CHECK(bitwise_equal(unsorted[0], tensor_of<float>({4}, {2, 1, 3, 4})));
  CHECK(bitwise_equal(unsorted[1], list_of({0, 1, 3, 4})));
  CHECK(bitwise_equal(unsorted[2], list_of({0, 1, 1, 2, 3, 2})));
  CHECK(bitwise_equal(unsorted[3], list_of({1, 2, 2, 1})));
  const auto rows = unique(tensor_of<std::int64_t>({3, 2}, {1, 0, 1, 0, 0, 9}), true, 0);
  CHECK(bitwise_equal(rows[0], tensor_of<std::int64_t>({2, 2}, {0, 9, 1, 0})));
  CHECK(bitwise_equal(rows[2], list_of({1, 1, 0})));
  const auto columns = unique(tensor_of<std::int64_t>({2, 3}, {1, 0, 1, 5, 9, 5}), true, 1);
  CHECK(bitwise_equal(columns[0], tensor_of<std::int64_t>({2, 2}, {0, 1, 9, 5})));
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(unique(tensor_of<float>({3}, {nan, 1, nan}), true)[0].dims() == shape{2});
}

TEST_CASE("ReverseSequence reverses the beginning of each entry") {
  const tensor data = tensor_of<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  check_value({.op = "ReverseSequence",
               .inputs = {data, list_of({2, 3})},
               .attributes = {{"batch_axis", std::int64_t{0}}, {"time_axis", std::int64_t{1}}}},
              tensor_of<float>({2, 3}, {1, 0, 2, 5, 4, 3}));
  check_value({.op = "ReverseSequence", .inputs = {data, list_of({0, 1, 2})}},
              tensor_of<float>({2, 3}, {0, 1, 5, 3, 4, 2}));
  CHECK(refusal({.op = "ReverseSequence", .inputs = {data, list_of({0, 1})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "ReverseSequence", .inputs = {data, list_of({0, 1, 3})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "ReverseSequence", .inputs = {list_of({1}), list_of({1})}}).code() == errc::invalid_argument);
}
