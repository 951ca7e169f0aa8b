// Bounds: rounded_products; alpha and beta scale the terms and their errors alike.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case gemm(const shape& left, const shape& right, std::optional<shape> addend = {}) {
  kernel_case made{.op = "Gemm", .inputs = {random_tensor(left, 1), random_tensor(right, 2)}};
  if (addend) made.inputs.push_back(random_tensor(*addend, 3));
  return made;
}

}  // namespace

TEST_CASE("Gemm of small matrices is what a hand computes") {
  const tensor left = tensor_of({3, 2}, {1, 4, 2, 5, 3, 6});
  const tensor right = tensor_of({2, 3}, {1, -1, 0.5f, 0, 2, 4});
  check_reference(
      {.op = "Gemm",
       .inputs = {left, right, tensor_of({2}, {100, 200})},
       .attributes = {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}, {"alpha", 2.0f}, {"beta", 0.5f}}},
      tensor_of({2, 2}, {51, 132, 54, 168}));
}

TEST_CASE("Gemm equals its definition for every transposition and awkward sizes") {
  for (const std::int64_t rows : {1, 65})
    for (const std::int64_t inner : {64, 127})
      for (const std::int64_t columns : {7, 64, 129})
        for (const std::int64_t left : {0, 1})
          for (const std::int64_t right : {0, 1}) {
            INFO(rows << " x " << inner << " x " << columns << ", transA " << left << ", transB " << right);
            auto given = gemm(left ? shape{inner, rows} : shape{rows, inner},
                              right ? shape{columns, inner} : shape{inner, columns}, shape{columns});
            given.attributes = {{"transA", left}, {"transB", right}, {"alpha", 0.75f}, {"beta", -1.5f}};
            given.constants = {1, 2};
            check_kernel(given, rounded_products);
          }
}

TEST_CASE("Gemm broadcasts its addend in one direction") {
  for (const shape& addend : {shape{}, shape{1}, shape{9}, shape{1, 9}, shape{5, 1}, shape{5, 9}, shape{1, 1}})
    for (const int version : {7, 9, 11, 13}) {
      INFO(addend.to_string() << ", opset " << version);
      auto given = gemm({5, 8}, {8, 9}, addend);
      given.version = version;
      check_kernel(given, rounded_products);
    }
  check_kernel(gemm({5, 8}, {8, 9}), rounded_products);
}

TEST_CASE("Gemm adds up more products than a driver may loop") {
  auto given = gemm({2, 70000}, {3, 70000}, shape{2, 1});
  given.attributes = {{"transB", std::int64_t{1}}, {"alpha", 0.5f}, {"beta", 2.0f}};
  check_kernel(given, rounded_products);
}

TEST_CASE("a row of a Gemm has the same bits alone and among others") {
  auto given = gemm({5, 129}, {65, 129}, shape{65});
  given.attributes = {{"transB", std::int64_t{1}}};
  check_batch_invariance(given);
}

TEST_CASE("Gemm refuses operands that do not fit") {
  CHECK(refused(gemm({2, 3}, {4, 5}), "inner extents 3 and 4 differ"));
  CHECK(refused(gemm({2, 3, 4}, {4, 5}), "must be matrices"));
  CHECK(refused(gemm({2, 3}, {3, 5}, shape{2}), "does not broadcast"));
  CHECK(refused(gemm({2, 3}, {3, 5}, shape{1, 2, 5}), "does not broadcast"));
  auto without_addend = gemm({2, 3}, {3, 5});
  without_addend.version = 9;
  CHECK(refused(without_addend, "lacks operand 2"));
}
