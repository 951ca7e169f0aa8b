#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case shape_of(const shape& dims, std::map<std::string, attribute, std::less<>> range = {}) {
  return {
      .op = "Shape", .inputs = {need(tensor::make(dtype::f32, dims))}, .attributes = std::move(range), .version = 15};
}

}  // namespace

TEST_CASE("Shape tells every extent") {
  check_value(shape_of({}), list_of({}));
  check_value(shape_of({0}), list_of({0}));
  check_value(shape_of({2, 3, 4}), list_of({2, 3, 4}));
  check_value(shape_of({1, 2, 1, 2, 1, 2, 1, 2}), list_of({1, 2, 1, 2, 1, 2, 1, 2}));
}

TEST_CASE("Shape's start and end count from either side and are clamped") {
  const auto range = [](std::int64_t start, std::int64_t end) {
    return std::map<std::string, attribute, std::less<>>{{"start", start}, {"end", end}};
  };
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  check_value(shape_of({2, 3, 4}, {{"start", std::int64_t{1}}}), list_of({3, 4}));
  check_value(shape_of({2, 3, 4}, {{"end", std::int64_t{-1}}}), list_of({2, 3}));
  check_value(shape_of({2, 3, 4}, range(-2, 99)), list_of({3, 4}));
  check_value(shape_of({2, 3, 4}, range(2, 1)), list_of({}));
  check_value(shape_of({2, 3, 4}, range(lowest, highest)), list_of({2, 3, 4}));
  check_value(shape_of({2, 3, 4}, range(highest, lowest)), list_of({}));
}
