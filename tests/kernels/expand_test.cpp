// Data only moves: results are exact.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case expand(const tensor& data, std::initializer_list<std::int64_t> wanted) {
  return {.op = "Expand", .inputs = {data, list_of(wanted)}, .constants = {1}};
}

}  // namespace

TEST_CASE("Expand has the values of the definition") {
  check_value(expand(tensor_of<float>({2, 1}, {1, 2}), {3}), tensor_of<float>({2, 3}, {1, 1, 1, 2, 2, 2}));
  check_value(expand(tensor_of<float>({2}, {1, 2}), {2, 2}), tensor_of<float>({2, 2}, {1, 2, 1, 2}));
  check_value(expand(scalar_of(7.0f), {}), scalar_of(7.0f));
  check_value(expand(scalar_of(true), {2}), tensor_of<bool>({2}, {true, true}));
  check_value(expand(counting({1}), {0}), need(tensor::make(dtype::f32, {0})));
}

TEST_CASE("Expand repeats along any axis", "[device]") {
  check_kernel(expand(random_halves({3, 1, 5}, 1), {2, 3, 7, 5}), exact);
  check_kernel(expand(random_halves({1}, 1), {129}), exact);
  check_kernel(expand(random_halves({3, 1}, 1), {2, 3, 16}), exact);
  check_kernel(expand(random_halves({3, 1, 8}, 1), {3, 5, 8}), exact);
  check_kernel(expand(random_halves({}, 1), {3, 5}), exact);
  check_kernel(expand(random_halves({4, 5}, 1), {1, 4, 5}), exact);
  check_kernel(expand(random_halves({2, 1, 2, 1, 2, 1, 2, 1}, 1), {2, 2, 2, 2, 2, 2, 2, 2}), exact);
  check_kernel(expand(random_halves({1, 3}, 1), {0, 3}), exact);
}

TEST_CASE("Expand refuses shapes that do not fit") {
  CHECK(refusal(expand(counting({3}), {2})).code() == errc::invalid_argument);
  CHECK(refusal(expand(counting({3}), {-1, 3})).code() == errc::invalid_argument);
  CHECK(refusal(expand(counting({1}), {std::int64_t{1} << 62})).code() == errc::invalid_argument);
  CHECK(refusal(expand(counting({1}), {1, 1, 1, 1, 1, 1, 1, 1, 1})).code() == errc::unsupported);
}
