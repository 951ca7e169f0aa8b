#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case tile(tensor data, std::initializer_list<std::int64_t> repeats) {
  return {.op = "Tile", .inputs = {std::move(data), list_of(repeats)}, .constants = {1}};
}

}  // namespace

TEST_CASE("Tile repeats along each axis") {
  check_value(tile(tensor_of<float>({2, 2}, {0, 1, 2, 3}), {2, 2}),
              tensor_of<float>({4, 4}, {0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3}));
  check_value(tile(scalar_of(5.0f), {}), scalar_of(5.0f));
  check_value(tile(counting({2, 3}), {0, 4}), need(tensor::make(dtype::f32, {0, 12})));
  for (const dtype type : all_types)
    check_value(tile(need(convert(list_of({0, 1}), type)), {3}), need(convert(list_of({0, 1, 0, 1, 0, 1}), type)));
}

TEST_CASE("Tile moves every element to its places on a device", "[device]") {
  check_kernel(tile(random_halves({3, 5}, 1), {1, 1}), exact);
  check_kernel(tile(random_halves({3, 5}, 1), {1, 4}), exact);
  check_kernel(tile(random_halves({3, 5}, 1), {7, 1}), exact);
  check_kernel(tile(random_halves({3, 8}, 1), {2, 3}), exact);
  check_kernel(tile(random_halves({1, 40}, 1), {64, 1}), exact);
  check_kernel(tile(random_halves({2, 1, 3, 1, 2}, 1), {1, 3, 2, 4, 1}), exact);
  check_kernel(tile(random_halves({2, 1, 3, 1, 2, 2, 1, 2}, 1), {2, 3, 2, 2, 2, 1, 3, 2}), exact);
}

TEST_CASE("Tile refuses repeats that do not fit") {
  CHECK(refusal(tile(counting({2, 3}), {2})).code() == errc::invalid_argument);
  CHECK(refusal(tile(counting({2, 3}), {2, -1})).code() == errc::invalid_argument);
  CHECK(!refusal(tile(counting({2, 3}), {std::int64_t{1} << 62, 1})).message().empty());
  CHECK(!refusal(tile(counting({2, 3}), {1 << 30, 1 << 30})).message().empty());
}
