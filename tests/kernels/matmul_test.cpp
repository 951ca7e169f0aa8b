// Bounds: rounded_products. Long sums are tested for themselves, because a driver was seen to end long loops early.
#include "support/kernel_properties.hpp"

#include "kernels/activation.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case matmul(const shape& left, const shape& right) {
  return {.op = "MatMul", .inputs = {random_tensor(left, 1), random_tensor(right, 2)}};
}

}  // namespace

TEST_CASE("MatMul of small matrices is what a hand computes") {
  const tensor left = tensor_of({2, 3}, {1, 2, 3, 4, 5, 6});
  const tensor right = tensor_of({3, 2}, {1, 0, -1, 2, 0.5f, 4});
  check_reference({.op = "MatMul", .inputs = {left, right}}, tensor_of({2, 2}, {0.5f, 16, 2, 34}));
  const tensor vector = tensor_of({3}, {1, 2, 3});
  check_reference({.op = "MatMul", .inputs = {vector, vector}}, tensor_of({}, {14}));
  check_reference({.op = "MatMul", .inputs = {left, vector}}, tensor_of({2}, {14, 32}));
  check_reference({.op = "MatMul", .inputs = {vector, right}}, tensor_of({2}, {0.5f, 16}));
}

TEST_CASE("MatMul equals its definition for awkward sizes") {
  for (const std::int64_t rows : {1, 7, 65})
    for (const std::int64_t inner : {1, 64, 129})
      for (const std::int64_t columns : {1, 63, 64}) {
        INFO(rows << " x " << inner << " x " << columns);
        check_kernel(matmul({rows, inner}, {inner, columns}), rounded_products);
      }
}

TEST_CASE("MatMul broadcasts batches and takes vectors as numpy does") {
  check_kernel(matmul({5}, {5}), rounded_products);
  check_kernel(matmul({5}, {5, 9}), rounded_products);
  check_kernel(matmul({9, 5}, {5}), rounded_products);
  check_kernel(matmul({4, 9, 5}, {5}), rounded_products);
  check_kernel(matmul({5}, {4, 5, 9}), rounded_products);
  check_kernel(matmul({3, 4, 8}, {8, 16}), rounded_products);
  check_kernel(matmul({3, 4, 8}, {3, 8, 16}), rounded_products);
  check_kernel(matmul({1, 4, 8}, {3, 8, 16}), rounded_products);
  check_kernel(matmul({4, 8}, {3, 8, 16}), rounded_products);
  check_kernel(matmul({2, 1, 3, 1, 2, 7}, {1, 4, 1, 2, 7, 5}), rounded_products);
  check_kernel(matmul({2, 1, 2, 1, 2, 1, 3, 7}, {1, 2, 1, 2, 1, 2, 7, 5}), rounded_products);
}

TEST_CASE("MatMul adds up more products than a driver may loop") {
  check_kernel(matmul({1, 70000}, {70000, 3}), rounded_products);
  check_kernel(matmul({9, 70000}, {70000, 8}), rounded_products);
}

TEST_CASE("MatMul multiplies by constants as by inputs") {
  for (const std::int64_t rows : {1, 3, 8, 33})
    for (const std::int64_t columns : {8, 63, 100}) {
      INFO(rows << " rows, " << columns << " columns");
      auto given = matmul({rows, 72}, {72, columns});
      const auto as_input = run_on("", given, dtype::f16);
      given.constants = {1};
      CHECK(bitwise_equal(run_on("", given, dtype::f16).at(0), as_input.at(0)));
      check_kernel(given, rounded_products);
    }
}

TEST_CASE("MatMul takes the bias that a pass gives it") {
  auto given = matmul({2, 3, 16}, {16, 9});
  given.inputs.push_back(random_tensor({9}, 3));
  given.inputs.push_back(random_tensor({2, 3, 9}, 4));
  given.attributes = {{std::string(fused::operands), std::int64_t{1}},
                      {std::string(fused::activation), std::string("Gelu")}};
  check_kernel(given, rounded_products);
  given.inputs[2] = random_tensor({8}, 3);
  CHECK(refused(given, "does not have 9 elements"));
  given.attributes.clear();
  CHECK(refused(given, "at most 2"));
}

TEST_CASE("MatMul without products is zero") {
  check_kernel(matmul({3, 0}, {0, 4}), exact);
  check_kernel(matmul({0, 3}, {3, 4}), exact);
}

TEST_CASE("MatMul of integers is exact") {
  const std::int64_t left[] = {std::int64_t{1} << 40, 3, -1, 7};
  const std::int64_t right[] = {5, 1, std::int64_t{1} << 33, -2};
  const auto got = run_on("",
                          {.op = "MatMul",
                           .inputs = {need(tensor::from(shape{2, 2}, std::span<const std::int64_t>(left))),
                                      need(tensor::from(shape{2, 2}, std::span<const std::int64_t>(right)))}},
                          dtype::f16);
  const auto values = got.at(0).as<std::int64_t>();
  CHECK(values[0] == 5 * (std::int64_t{1} << 40) + 3 * (std::int64_t{1} << 33));
  CHECK(values[1] == (std::int64_t{1} << 40) - 6);
  CHECK(values[2] == -5 + 7 * (std::int64_t{1} << 33));
  CHECK(values[3] == -15);
}

TEST_CASE("a row of a MatMul has the same bits alone and among others") {
  check_batch_invariance(matmul({5, 129}, {129, 65}));
  check_batch_invariance(matmul({17, 64}, {64, 64}));
  check_batch_invariance(matmul({5, 20000}, {20000, 8}));
  check_batch_invariance(matmul({5, 3, 64}, {64, 64}));
}

TEST_CASE("MatMul refuses operands that do not fit") {
  CHECK(refused(matmul({2, 3}, {4, 5}), "inner extents 3 and 4 differ"));
  CHECK(refused(matmul({}, {4}), "scalar"));
  CHECK(refused(matmul({2, 3, 4}, {3, 4, 5}), "do not broadcast"));
  CHECK(refused({.op = "MatMul", .inputs = {random_tensor({2, 2}, 1), need(tensor::make(dtype::f16, {2, 2}))}},
                "different types"));
}
