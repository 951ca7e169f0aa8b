#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case trilu(tensor data, bool upper, std::optional<std::int64_t> k = std::nullopt) {
  kernel_case made{
      .op = "Trilu", .inputs = {std::move(data)}, .attributes = {{"upper", std::int64_t{upper}}}, .version = 14};
  if (k) made.inputs.push_back(scalar_of(*k)), made.constants = {1};
  return made;
}

}  // namespace

TEST_CASE("Trilu keeps a triangle of each matrix") {
  const tensor data = tensor_of<std::int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  check_value(trilu(data, true), tensor_of<std::int64_t>({2, 3}, {1, 2, 3, 0, 5, 6}));
  check_value(trilu(data, false), tensor_of<std::int64_t>({2, 3}, {1, 0, 0, 4, 5, 0}));
  check_value(trilu(data, true, 1), tensor_of<std::int64_t>({2, 3}, {0, 2, 3, 0, 0, 6}));
  check_value(trilu(data, false, -1), tensor_of<std::int64_t>({2, 3}, {0, 0, 0, 4, 0, 0}));
  check_value(trilu(data, true, std::numeric_limits<std::int64_t>::min()), data);
  check_value(trilu(data, false, std::numeric_limits<std::int64_t>::max()), data);
  check_value(trilu(data, true, std::numeric_limits<std::int64_t>::max()), need(tensor::make(dtype::i64, {2, 3})));
}

TEST_CASE("Trilu gives the same on a device", "[device]") {
  for (const shape& dims : {shape{1, 1}, shape{7, 9}, shape{2, 9, 7}, shape{65, 3}})
    for (const std::int64_t k : {-8, -1, 0, 2, 9})
      for (const bool upper : {false, true}) check_kernel(trilu(random_halves(dims, 1), upper, k), exact);
  check_kernel(trilu(need(tensor::make(dtype::f32, {0, 3})), true), exact);
}

TEST_CASE("Trilu refuses what is no matrix or diagonal") {
  CHECK(refusal(trilu(list_of({1}), true)).code() == errc::invalid_argument);
  kernel_case given = trilu(counting({2, 2}), true);
  given.inputs.push_back(list_of({1, 2}));
  CHECK(refusal(given).code() == errc::invalid_argument);
}
