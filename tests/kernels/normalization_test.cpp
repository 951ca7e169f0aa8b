// BatchNormalization and LRN. Bounds: every operand is rounded to binary16 (2^-12 on average) and they are combined by
// a handful of operations; the subtraction of the mean keeps the absolute error, which the scale term covers.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound normalized{2e-3, 2e-3};

kernel_case batch_normalization(const shape& input, int version = 15) {
  const shape channels{input.rank() > 1 ? input[1] : 1};
  return {.op = "BatchNormalization",
          .inputs = {random_tensor(input, 1, -2, 2), random_tensor(channels, 2, 0.5f, 1.5f), random_tensor(channels, 3),
                     random_tensor(channels, 4), random_tensor(channels, 5, 0.5f, 2)},
          .version = version,
          .constants = {1, 2, 3, 4}};
}

kernel_case lrn(const shape& input, std::int64_t size) {
  return {.op = "LRN",
          .inputs = {random_tensor(input, 1, -3, 3)},
          .attributes = {{"size", size}, {"alpha", 0.5f}, {"beta", 0.6f}, {"bias", 2.0f}}};
}

}  // namespace

TEST_CASE("BatchNormalization of a small tensor is what a hand computes") {
  check_reference({.op = "BatchNormalization",
                   .inputs = {tensor_of({1, 2, 1, 3}, {-1, 0, 1, 2, 3, 4}), tensor_of({2}, {1, 1.5f}),
                              tensor_of({2}, {0, 1}), tensor_of({2}, {0, 3}), tensor_of({2}, {0.75f, 1.25f})},
                   .attributes = {{"epsilon", 0.25f}},
                   .version = 15},
                  tensor_of({1, 2, 1, 3}, {-1, 0, 1, -0.22474487f, 1, 2.22474487f}));
}

TEST_CASE("BatchNormalization equals its definition in every opset and rank") {
  for (const int version : {7, 9, 14, 15}) check_kernel(batch_normalization({2, 7, 5, 9}, version), normalized);
  for (const shape& dims : {shape{129, 3}, shape{2, 65, 7}, shape{1, 3, 2, 3, 4}, shape{64}, shape{0, 3, 4}})
    check_kernel(batch_normalization(dims), normalized);
}

TEST_CASE("BatchNormalization refuses training and operands that do not fit") {
  auto training = batch_normalization({2, 3, 4});
  training.attributes["training_mode"] = std::int64_t{1};
  CHECK(refused(training, "training mode"));
  auto old_training = batch_normalization({2, 3, 4}, 9);
  old_training.outputs = 5;
  CHECK(refused(old_training, "training mode"));
  auto per_element = batch_normalization({2, 3, 4}, 7);
  per_element.attributes["spatial"] = std::int64_t{0};
  CHECK(refused(per_element, "spatial"));
  auto short_mean = batch_normalization({2, 3, 4});
  short_mean.inputs[3] = random_tensor({2}, 9);
  CHECK(refused(short_mean, "operand 3"));
}

TEST_CASE("an operand may need more workgroups than one axis of a dispatch holds") {
  // 65,535 groups of 64 invocations are 4,194,240 elements.
  check_kernel(batch_normalization({1, 3, 1100, 1300}), normalized);
}

TEST_CASE("LRN of a small tensor is what a hand computes") {
  // Channels 1, 2, 3 with size 3, alpha 3, beta 1, bias 1: each is divided by 1 + the squares of itself and neighbours.
  check_reference({.op = "LRN",
                   .inputs = {tensor_of({1, 3, 1, 1}, {1, 2, 3})},
                   .attributes = {{"size", std::int64_t{3}}, {"alpha", 3.0f}, {"beta", 1.0f}, {"bias", 1.0f}}},
                  tensor_of({1, 3, 1, 1}, {1.0f / 6, 2.0f / 15, 3.0f / 14}));
  // An even size looks one channel further ahead than back.
  check_reference({.op = "LRN",
                   .inputs = {tensor_of({1, 3, 1, 1}, {1, 2, 3})},
                   .attributes = {{"size", std::int64_t{2}}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 1.0f}}},
                  tensor_of({1, 3, 1, 1}, {1.0f / 6, 2.0f / 14, 3.0f / 10}));
}

TEST_CASE("LRN equals its definition for even, odd and overlong neighbourhoods") {
  for (const std::int64_t size : {1, 2, 3, 5, 8, 100})
    for (const shape& dims : {shape{2, 7, 5, 9}, shape{1, 65, 3}, shape{3, 5}})
      check_kernel(lrn(dims, size), normalized);
  check_kernel({.op = "LRN", .inputs = {random_tensor({1, 9, 4, 4}, 2)}, .attributes = {{"size", std::int64_t{5}}}},
               normalized);
}

TEST_CASE("an image has the same bits alone and among others when it is normalised") {
  check_batch_invariance(batch_normalization({5, 3, 7, 7}));
  check_batch_invariance(lrn({5, 9, 7, 7}, 5));
}

TEST_CASE("LRN refuses a size below one and operands without channels") {
  CHECK(refused(lrn({1, 3, 4}, 0), "size"));
  CHECK(refused(lrn({1, 3, 4}, -3), "size"));
  CHECK(refused({.op = "LRN", .inputs = {random_tensor({1, 3, 4}, 1)}}, "size"));
  CHECK(refused(lrn({3}, 1), "no channels"));
}
