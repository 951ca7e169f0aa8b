// Bounds: one rounding of the operand (relative 2^-11, amplified by at most the function's slope times |x| / |y|) and
// one of the result.
#include "support/kernel_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("Relu, LeakyRelu, Sigmoid and Tanh equal their definitions for awkward sizes") {
  for (const std::int64_t size : {1, 63, 64, 65, 1000})
    for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "Tanh"})
      check_kernel({.op = op, .inputs = {random_tensor({size}, 7, -6, 6)}}, two_roundings);
}

TEST_CASE("Sigmoid and Tanh saturate without NaN") {
  const float extremes[] = {-60000, -100, -20, 0, 20, 100, 60000};
  const tensor input = need(tensor::from(shape{7}, std::span<const float>(extremes)));
  for (const char* op : {"Sigmoid", "Tanh"}) check_kernel({.op = op, .inputs = {input}}, two_roundings);
}

TEST_CASE("Clip takes bounds as attributes, as constants and as inputs") {
  const tensor input = random_tensor({3, 5}, 11, -4, 4);
  const float low = -1.5f, high = 2.25f;
  const tensor minimum = need(tensor::from(shape{}, std::span<const float>(&low, 1)));
  const tensor maximum = need(tensor::from(shape{}, std::span<const float>(&high, 1)));
  check_kernel({.op = "Clip", .inputs = {input}, .attributes = {{"min", low}, {"max", high}}, .version = 6},
               two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, minimum, maximum}, .constants = {1, 2}}, two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, minimum, maximum}}, two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, tensor(), maximum}, .constants = {2}}, two_roundings);
}
