#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case unpool(tensor pooled, tensor indices) {
  return {
      .op = "MaxUnpool",
      .inputs = {std::move(pooled), std::move(indices)},
      .attributes = {{"kernel_shape", std::vector<std::int64_t>{2, 2}}, {"strides", std::vector<std::int64_t>{2, 2}}}};
}

}  // namespace

TEST_CASE("MaxUnpool puts maxima back where they were found") {
  const tensor pooled = tensor_of<float>({1, 1, 1, 2}, {5, 7});
  check_value(unpool(pooled, tensor_of<std::int64_t>({1, 1, 1, 2}, {1, 6})),
              tensor_of<float>({1, 1, 2, 4}, {0, 5, 0, 0, 0, 0, 7, 0}));
  kernel_case larger = unpool(pooled, tensor_of<std::int64_t>({1, 1, 1, 2}, {1, 6}));
  larger.inputs.push_back(list_of({1, 1, 2, 5}));
  check_value(larger, tensor_of<float>({1, 1, 2, 5}, {0, 5, 0, 0, 0, 0, 0, 7, 0, 0}));
}

TEST_CASE("MaxUnpool refuses operands that do not fit") {
  const tensor pooled = tensor_of<float>({1, 1, 1, 2}, {5, 7});
  CHECK(refusal(unpool(pooled, tensor_of<std::int64_t>({1, 1, 1, 2}, {1, 8}))).code() == errc::invalid_argument);
  CHECK(refusal(unpool(pooled, list_of({1, 2}))).code() == errc::invalid_argument);
  CHECK(refusal(unpool(list_of({1, 2}), list_of({1, 2}))).code() == errc::invalid_argument);
  kernel_case smaller = unpool(pooled, tensor_of<std::int64_t>({1, 1, 1, 2}, {1, 6}));
  smaller.inputs.push_back(list_of({1, 1, 2, 3}));
  CHECK(refusal(smaller).code() == errc::invalid_argument);
  kernel_case negative = unpool(pooled, tensor_of<std::int64_t>({1, 1, 1, 2}, {1, 6}));
  negative.attributes["strides"] = std::vector<std::int64_t>{-1, 2};
  CHECK(refusal(negative).code() == errc::invalid_argument);
}
