// Data only moves: results are exact.
#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using list = std::initializer_list<std::int64_t>;
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();

kernel_case slice(const tensor& data, list starts, list ends, list axes, list steps) {
  return {.op = "Slice",
          .inputs = {data, list_of(starts), list_of(ends), list_of(axes), list_of(steps)},
          .constants = {1, 2, 3, 4}};
}

/// Of [0, 1, ..., 9], along its only axis.
void check_row(std::int64_t start, std::int64_t end, std::int64_t step, std::initializer_list<float> want) {
  INFO(start << ":" << end << ":" << step);
  const auto count = static_cast<std::int64_t>(want.size());
  check_value(slice(counting({10}), {start}, {end}, {0}, {step}), tensor_of<float>({count}, want));
}

}  // namespace

TEST_CASE("Slice takes what Python's slices take") {
  check_row(2, 5, 1, {2, 3, 4});
  check_row(-3, highest, 1, {7, 8, 9});
  check_row(0, -7, 1, {0, 1, 2});
  check_row(1, 9, 3, {1, 4, 7});
  check_row(1, 8, 3, {1, 4, 7});
  check_row(1, 7, 3, {1, 4});
  check_row(9, 0, -3, {9, 6, 3});
  check_row(-1, lowest, -4, {9, 5, 1});
  check_row(highest, lowest, -5, {9, 4});
  check_row(lowest, highest, 5, {0, 5});
  check_row(3, 3, 1, {});
  check_row(5, 2, 1, {});
  check_row(2, 5, -1, {});
  check_row(20, 30, 1, {});
  check_row(-30, -20, 1, {});
  check_row(4, highest, highest, {4});
  check_row(4, lowest, lowest, {4});
}

TEST_CASE("Slice takes axes in any order, omitted, negative, and as attributes") {
  const tensor data = counting({3, 4});
  const tensor want = tensor_of<float>({2, 2}, {5, 6, 9, 10});
  check_value({.op = "Slice", .inputs = {data, list_of({1, 1}), list_of({3, 3})}}, want);
  check_value(slice(data, {1, 1}, {3, 3}, {1, 0}, {1, 1}), want);
  check_value(slice(data, {1, 1}, {3, 3}, {-1, -2}, {1, 1}), want);
  check_value({.op = "Slice", .inputs = {data, list_of({1}), list_of({3})}},
              tensor_of<float>({2, 4}, {4, 5, 6, 7, 8, 9, 10, 11}));
  check_value({.op = "Slice", .inputs = {data, list_of({1, 1}), list_of({3, 4}), tensor(), list_of({1, 2})}},
              tensor_of<float>({2, 2}, {5, 7, 9, 11}));
  const std::vector<std::int64_t> starts{1}, ends{3}, axes{1};
  check_value({.op = "Slice",
               .inputs = {data},
               .attributes = {{"starts", starts}, {"ends", ends}, {"axes", axes}},
               .version = 9},
              tensor_of<float>({3, 2}, {1, 2, 5, 6, 9, 10}));
  check_value({.op = "Slice", .inputs = {data}, .attributes = {{"starts", starts}, {"ends", ends}}, .version = 9},
              tensor_of<float>({2, 4}, {4, 5, 6, 7, 8, 9, 10, 11}));
  check_value({.op = "Slice", .inputs = {data, tensor_of<std::int32_t>({1}, {2}), tensor_of<std::int32_t>({1}, {3})}},
              tensor_of<float>({1, 4}, {8, 9, 10, 11}));
}

TEST_CASE("Slice keeps every type") {
  for (const dtype type : all_types)
    check_value(slice(need(convert(list_of({0, 1, 1, 0}), type)), {3}, {0}, {0}, {-2}),
                need(convert(list_of({0, 1}), type)));
}

TEST_CASE("Slice cuts tensors of every rank on a device", "[device]") {
  check_kernel(slice(random_halves({200}, 1), {3}, {190}, {0}, {7}), exact);
  check_kernel(slice(random_halves({9, 11}, 1), {8, -1}, {lowest, 2}, {0, 1}, {-2, -3}), exact);
  check_kernel(slice(random_halves({2, 6, 5, 7}, 1), {2}, {5}, {1}, {1}), exact);
  check_kernel(slice(random_halves({2, 6, 5, 7}, 1), {0, 1}, {highest, highest}, {3, 2}, {2, 2}), exact);
  check_kernel(slice(random_halves({2, 3, 2, 3, 2, 3}, 1), {2, 1, 0}, {lowest, 3, 2}, {5, 3, 1}, {-1, 1, 1}), exact);
  check_kernel(slice(random_halves({2, 3, 2, 3, 2, 3, 2, 3}, 1), {1, 1, 1}, {2, 3, 2}, {0, 3, 6}, {1, 1, 1}), exact);
  check_kernel(slice(random_halves({5, 48}, 1), {4, 8}, {lowest, 24}, {0, 1}, {-1, 1}), exact);  // blocks of eight
  check_kernel(slice(random_halves({5, 48}, 1), {4, 7}, {lowest, 23}, {0, 1}, {-1, 1}), exact);
  check_kernel(slice(random_halves({5, 48}, 1), {8}, {0}, {1}, {-1}), exact);
  check_kernel(slice(random_halves({4, 5}, 1), {0}, {highest}, {0}, {1}), exact);
  check_kernel(slice(random_halves({4, 5}, 1), {3}, {3}, {0}, {1}), exact);
  check_kernel(slice(random_halves({4, 5}, 1), {3}, {lowest}, {0}, {-1}), exact);
  check_kernel(slice(need(tensor::make(dtype::f32, {0, 5})), {1}, {3}, {1}, {1}), exact);
  check_kernel(slice(need(tensor::make(dtype::f32, {0, 5})), {-1}, {lowest}, {0}, {-1}), exact);
}

TEST_CASE("Slice refuses parameters that do not fit") {
  const tensor data = counting({3, 4});
  CHECK(refusal(slice(data, {0}, {1}, {0}, {0})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0}, {1}, {2}, {1})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0}, {1}, {-3}, {1})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0, 0}, {1, 1}, {0, -2}, {1, 1})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0}, {1, 2}, {0}, {1})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0}, {1}, {0, 1}, {1})).code() == errc::invalid_argument);
  CHECK(refusal(slice(data, {0}, {1}, {0}, {1, 1})).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Slice", .inputs = {data, list_of({0, 0, 0}), list_of({1, 1, 1})}}).code() ==
        errc::invalid_argument);
  CHECK(refusal({.op = "Slice", .inputs = {data}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Slice", .inputs = {data, scalar_of(1.0f), scalar_of(2.0f)}}).code() == errc::invalid_argument);
}
