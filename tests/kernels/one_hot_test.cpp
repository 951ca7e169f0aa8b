#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case one_hot(tensor indices, tensor depth, tensor values, std::int64_t axis = -1) {
  return {.op = "OneHot",
          .inputs = {std::move(indices), std::move(depth), std::move(values)},
          .attributes = {{"axis", axis}}};
}

}  // namespace

TEST_CASE("OneHot marks the place of each index") {
  const tensor depth = scalar_of<std::int64_t>(3), values = tensor_of<float>({2}, {2, 5});
  check_value(one_hot(list_of({0, 2}), depth, values), tensor_of<float>({2, 3}, {5, 2, 2, 2, 2, 5}));
  check_value(one_hot(list_of({0, 2}), depth, values, 0), tensor_of<float>({3, 2}, {5, 2, 2, 2, 2, 5}));
  check_value(one_hot(list_of({-1, -3}), depth, values), tensor_of<float>({2, 3}, {2, 2, 5, 5, 2, 2}));
  check_value(one_hot(list_of({3, -4}), depth, values), tensor_of<float>({2, 3}, {2, 2, 2, 2, 2, 2}));
  check_value(one_hot(tensor_of<float>({1}, {1}), scalar_of(2.0f), list_of({0, 1})),
              tensor_of<std::int64_t>({1, 2}, {0, 1}));
}

TEST_CASE("OneHot refuses depths and values that are none") {
  const tensor values = tensor_of<float>({2}, {0, 1});
  CHECK(refusal(one_hot(list_of({0}), scalar_of<std::int64_t>(0), values)).code() == errc::invalid_argument);
  CHECK(refusal(one_hot(list_of({0}), list_of({1, 2}), values)).code() == errc::invalid_argument);
  CHECK(refusal(one_hot(list_of({0}), scalar_of<std::int64_t>(2), scalar_of(1.0f))).code() == errc::invalid_argument);
  CHECK(!refusal(one_hot(list_of({0}), scalar_of<std::int64_t>(2), values, 2)).message().empty());
}
