#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Three boxes; the second overlaps the first by 9 parts in 11, the third none.
kernel_case suppress(std::initializer_list<float> scores, std::int64_t most, float overlap, float least) {
  return {.op = "NonMaxSuppression",
          .inputs = {tensor_of<float>({1, 3, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11}),
                     tensor_of<float>({1, 1, 3}, scores), scalar_of(most), scalar_of(overlap), scalar_of(least)}};
}

}  // namespace

TEST_CASE("NonMaxSuppression keeps the best of boxes that overlap") {
  check_value(suppress({0.5f, 0.9f, 0.7f}, 3, 0.5f, 0), tensor_of<std::int64_t>({2, 3}, {0, 0, 1, 0, 0, 2}));
  check_value(suppress({0.5f, 0.9f, 0.7f}, 3, 0.9f, 0), tensor_of<std::int64_t>({3, 3}, {0, 0, 1, 0, 0, 2, 0, 0, 0}));
  check_value(suppress({0.5f, 0.9f, 0.7f}, 1, 0.5f, 0), tensor_of<std::int64_t>({1, 3}, {0, 0, 1}));
  check_value(suppress({0.5f, 0.9f, 0.7f}, 3, 0.5f, 0.8f), tensor_of<std::int64_t>({1, 3}, {0, 0, 1}));
  check_value(suppress({0.5f, 0.9f, 0.7f}, 0, 0.5f, 0), need(tensor::make(dtype::i64, {0, 3})));
  kernel_case given = suppress({0.5f, 0.9f, 0.7f}, 3, 0.5f, 0);
  given.inputs.resize(2);  // nothing may be kept by default
  check_value(given, need(tensor::make(dtype::i64, {0, 3})));
}

TEST_CASE("NonMaxSuppression takes corners in any order, or centres") {
  kernel_case flipped = suppress({0.9f, 0.5f, 0.7f}, 3, 0.5f, 0);
  flipped.inputs[0] = tensor_of<float>({1, 3, 4}, {1, 1, 0, 0, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11});
  check_value(flipped, tensor_of<std::int64_t>({2, 3}, {0, 0, 0, 0, 0, 2}));
  kernel_case centred = suppress({0.9f, 0.5f, 0.7f}, 3, 0.5f, 0);
  centred.inputs[0] = tensor_of<float>({1, 3, 4}, {0.5f, 0.5f, 1, 1, 0.5f, 0.6f, 1, 1, 0.5f, 10.5f, 1, 1});
  centred.attributes["center_point_box"] = std::int64_t{1};
  check_value(centred, tensor_of<std::int64_t>({2, 3}, {0, 0, 0, 0, 0, 2}));
}

TEST_CASE("NonMaxSuppression treats classes and images apart") {
  check_value({.op = "NonMaxSuppression",
               .inputs = {tensor_of<float>({2, 1, 4}, {0, 0, 1, 1, 0, 0, 1, 1}), counting({2, 2, 1}),
                          scalar_of<std::int64_t>(5)}},
              tensor_of<std::int64_t>({4, 3}, {0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0}));
}

TEST_CASE("NonMaxSuppression refuses operands that do not fit") {
  kernel_case given = suppress({0.5f, 0.9f, 0.7f}, 3, 0.5f, 0);
  given.inputs[1] = counting({1, 1, 2});
  CHECK(refusal(given).code() == errc::invalid_argument);
  given = suppress({0.5f, 0.9f, 0.7f}, 3, 0.5f, 0);
  given.inputs[2] = list_of({1, 2});
  CHECK(refusal(given).code() == errc::invalid_argument);
}
