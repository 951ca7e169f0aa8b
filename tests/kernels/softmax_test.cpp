// Bounds: rounding x changes exp(x) by |x| * 2^-12, about 2e-3 for |x| = 8; the result's own rounding is 2^-11.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound softmax_bound{2e-3, 3e-3};

kernel_case softmax(const shape& input, std::optional<std::int64_t> axis, int version = 13) {
  kernel_case made{.op = "Softmax", .inputs = {random_tensor(input, 1, -4, 4)}, .version = version};
  if (axis) made.attributes["axis"] = *axis;
  return made;
}

}  // namespace

TEST_CASE("Softmax of a small row is what a hand computes") {
  check_reference({.op = "Softmax", .inputs = {tensor_of({1, 3}, {-1, 0, 1})}},
                  tensor_of({1, 3}, {0.09003058f, 0.24472848f, 0.66524094f}));
  // Before opset 13 the whole matrix is one row when axis is 0.
  check_reference({.op = "Softmax",
                   .inputs = {tensor_of({2, 2}, {1, 1, 1, 1})},
                   .attributes = {{"axis", std::int64_t{0}}},
                   .version = 11},
                  tensor_of({2, 2}, {0.25f, 0.25f, 0.25f, 0.25f}));
  check_reference(
      {.op = "Softmax", .inputs = {tensor_of({2, 2}, {1, 1, 1, 1})}, .attributes = {{"axis", std::int64_t{0}}}},
      tensor_of({2, 2}, {0.5f, 0.5f, 0.5f, 0.5f}));
}

TEST_CASE("Softmax equals its definition along every axis, before and since opset 13") {
  for (const int version : {1, 11, 13})
    for (const std::int64_t axis : {0, 1, 2, -1, -3}) {
      if (version == 1 && axis < 0) continue;
      INFO("opset " << version << ", axis " << axis);
      check_kernel(softmax({3, 5, 7}, axis, version), softmax_bound);
    }
  check_kernel(softmax({3, 5, 7}, std::nullopt, 11), softmax_bound);
  check_kernel(softmax({3, 5, 7}, std::nullopt, 13), softmax_bound);
  check_kernel(softmax({5}, -1), softmax_bound);
}

TEST_CASE("Softmax normalises rows of awkward and of great length") {
  for (const std::int64_t length : {1, 63, 64, 65, 127, 128, 129, 1000, 4097, 70000}) {
    INFO(length);
    check_kernel(softmax({2, length}, 1), softmax_bound);
  }
  check_kernel(softmax({2, 5000, 3}, 1), softmax_bound);
}

TEST_CASE("Softmax stays finite for large numbers") {
  const kernel_case given{.op = "Softmax",
                          .inputs = {tensor_of({2, 3}, {60000, 60000, -60000, -60000, -60000, -50000})}};
  check_reference(given, tensor_of({2, 3}, {0.5f, 0.5f, 0, 0, 0, 1}));
  check_kernel(given, softmax_bound);
}

TEST_CASE("a row has the same bits alone and among others in a Softmax") {
  check_batch_invariance(softmax({5, 129}, 1));
  check_batch_invariance(softmax({5, 5000}, 1));
}

TEST_CASE("Softmax refuses an axis that is not there") {
  CHECK(refused(softmax({3, 4}, 2), "axis 2 is outside"));
  CHECK(refused(softmax({3, 4}, -3), "axis -3 is outside"));
  CHECK(refused(softmax({3}, std::nullopt, 11), "axis 1 is outside"));
}

TEST_CASE("LogSoftmax is the logarithm of Softmax, in every opset") {
  check_reference({.op = "LogSoftmax", .inputs = {tensor_of({1, 3}, {-1, 0, 1})}},
                  tensor_of({1, 3}, {-2.40760596f, -1.40760596f, -0.40760596f}));
  // Rounding x changes the result by as much: 2^-12 of 4, in results of up to 12.
  for (const int version : {1, 11, 13})
    for (const std::int64_t axis : {1, 2}) {
      auto given = softmax({3, 5, 7}, axis, version);
      given.op = "LogSoftmax";
      check_kernel(given, two_roundings);
    }
  for (const std::int64_t length : {1, 64, 65, 4097}) {
    auto given = softmax({3, length}, 1);
    given.op = "LogSoftmax";
    check_kernel(given, two_roundings);
  }
}

TEST_CASE("LogSoftmax stays finite for large numbers") {
  const kernel_case given{.op = "LogSoftmax", .inputs = {tensor_of({1, 3}, {60000, 60000, -60000})}};
  check_reference(given, tensor_of({1, 3}, {-0.69314718f, -0.69314718f, -120000.6931f}));
}
