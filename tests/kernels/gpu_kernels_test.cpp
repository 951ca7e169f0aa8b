// The choices that operators make for a GPU, on this machine's device. Bounds as in the operators' own tests.
#include "support/gpu_lowering.hpp"
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

using list = std::vector<std::int64_t>;

TEST_CASE("matrix products for a GPU equal their definition") {
  for (const shape& right : {shape{64, 128}, shape{64, 65}, shape{63, 128}}) {
    INFO(right.to_string());
    const shape left{65, right[0]};
    check_gpu_kernel({.op = "MatMul", .inputs = {random_tensor(left, 1), random_tensor(right, 2)}}, rounded_products);
  }
  check_gpu_kernel({.op = "Gemm",
                    .inputs = {random_tensor({64, 33}, 1), random_tensor({129, 64}, 2), random_tensor({129}, 3)},
                    .attributes = {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}}},
                   rounded_products);
}

TEST_CASE("matrix products of few rows and of long sums for a GPU have the bits of many rows") {
  for (const std::int64_t inner : {40, 2500})
    for (const std::int64_t transposed : {0, 1}) {
      INFO("inner " << inner << ", transB " << transposed);
      const kernel_case given{
          .op = "Gemm",
          .inputs = {random_tensor({70, inner}, 1), random_tensor(transposed ? shape{72, inner} : shape{inner, 72}, 2),
                     random_tensor({72}, 3)},
          .attributes = {{"transB", transposed}}};
      check_gpu_kernel(given, rounded_products);
      const auto opened = need(open_device("", operators(), {.kernels = kernel_family::gpu}));
      const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {}));
      const auto run = [&](const tensor& left) {
        return need(loaded->run(std::vector{left, given.inputs[1], given.inputs[2]},
                                steady_clock::now() + std::chrono::seconds(60)))
            .at(0);
      };
      const tensor all = run(given.inputs[0]);
      for (const std::int64_t rows : {1, 5})
        CHECK(bitwise_equal(run(need(given.inputs[0].rows(9, rows))), need(all.rows(9, rows))));
    }
}

TEST_CASE("matrix products over a batch and with an epilogue for a GPU equal their definition") {
  check_gpu_kernel({.op = "MatMul", .inputs = {random_tensor({2, 3, 5, 24}, 1), random_tensor({3, 24, 8}, 2)}},
                   rounded_products);
  check_gpu_kernel({.op = "Gemm",
                    .inputs = {random_tensor({9, 24}, 1), random_tensor({24, 65}, 2), random_tensor({65}, 3),
                               random_tensor({9, 65}, 4)},
                    .attributes = {{"troupe_fused", std::int64_t{1}},
                                   {"troupe_activation", std::string("Swish")},
                                   {"troupe_alpha", 1.0f}}},
                   rounded_products);
}

TEST_CASE("convolutions for a GPU equal their definition") {
  for (const std::int64_t outputs : {5, 16, 33})
    check_gpu_kernel(
        {.op = "Conv",
         .inputs = {random_tensor({2, 9, 9, 11}, 1), random_tensor({outputs, 9, 3, 3}, 2), random_tensor({outputs}, 3)},
         .attributes = {{"pads", list{1, 1, 1, 1}}, {"strides", list{1, 2}}}},
        rounded_products);
}

TEST_CASE("workgroups share long rows for a GPU") {
  check_gpu_kernel({.op = "Softmax", .inputs = {random_tensor({3, 1000}, 1, -4, 4)}}, {2e-3, 3e-3});
  check_gpu_kernel(
      {.op = "ReduceMean", .inputs = {random_tensor({3, 1000}, 1, 1, 3)}, .attributes = {{"axes", list{1}}}},
      two_roundings);
  check_gpu_kernel({.op = "AveragePool",
                    .inputs = {random_tensor({1, 2, 40, 40}, 1, 1, 3)},
                    .attributes = {{"kernel_shape", list{30, 30}}, {"pads", list{3, 4, 5, 6}}}},
                   two_roundings);
}
