// Bounds: each operand is rounded to binary16, errors of random sign; all elements are positive, so that no sum is
// small beside its terms.
#include "support/kernel_properties.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case cum_sum(tensor data, std::int64_t axis, bool exclusive = false, bool reverse = false) {
  return {.op = "CumSum",
          .inputs = {std::move(data), scalar_of(axis)},
          .attributes = {{"exclusive", std::int64_t{exclusive}}, {"reverse", std::int64_t{reverse}}},
          .version = 14,
          .constants = {1}};
}

}  // namespace

TEST_CASE("CumSum adds up in either direction, with or without the element itself") {
  const tensor data = list_of({1, 2, 3});
  check_value(cum_sum(data, 0), list_of({1, 3, 6}));
  check_value(cum_sum(data, 0, true), list_of({0, 1, 3}));
  check_value(cum_sum(data, 0, false, true), list_of({6, 5, 3}));
  check_value(cum_sum(data, 0, true, true), list_of({5, 3, 0}));
  check_value(cum_sum(tensor_of<double>({2, 3}, {1, 2, 3, 4, 5, 6}), 0), tensor_of<double>({2, 3}, {1, 2, 3, 5, 7, 9}));
  check_value(cum_sum(tensor_of<double>({2, 3}, {1, 2, 3, 4, 5, 6}), -1),
              tensor_of<double>({2, 3}, {1, 3, 6, 4, 9, 15}));
  check_value(cum_sum(tensor_of<std::uint32_t>({2}, {~0u, 2}), 0), tensor_of<std::uint32_t>({2}, {~0u, 1}));
}

TEST_CASE("CumSum equals its definition on a device", "[device]") {
  for (const std::int64_t axis : {0, 1, 2})
    for (const bool exclusive : {false, true})
      for (const bool reverse : {false, true})
        check_kernel(cum_sum(random_tensor({3, 65, 5}, 3, 1, 2), axis, exclusive, reverse), two_roundings);
  for (const bool reverse : {false, true}) {
    check_kernel(cum_sum(random_tensor({2, 4097}, 4, 0.5f, 1.5f), 1, true, reverse), two_roundings);
    check_kernel(cum_sum(random_tensor({9000, 2}, 4, 0.5f, 1.5f), 0, false, reverse), two_roundings);
  }
  check_kernel(cum_sum(need(tensor::make(dtype::f32, {2, 0})), 1), exact);
  // More elements than one invocation of some drivers may loop over.
  check_kernel(cum_sum(random_tensor({100'000}, 5, 0.1f, 0.5f), 0), two_roundings);
}

TEST_CASE("a row has the same bits alone and among others in a running sum", "[device]") {
  check_batch_invariance(cum_sum(random_tensor({4, 5000}, 6, 0.1f, 0.5f), 1));
}

TEST_CASE("CumSum refuses axes that are none") {
  CHECK(!refusal(cum_sum(list_of({1}), 1)).message().empty());
  CHECK(!refusal(cum_sum(list_of({1}), -2)).message().empty());
  CHECK(refusal(cum_sum(tensor_of<bool>({1}, {true}), 0)).code() == errc::invalid_argument);
  CHECK(refusal({.op = "CumSum", .inputs = {list_of({1}), list_of({0, 0})}, .version = 14}).code() ==
        errc::invalid_argument);
}
