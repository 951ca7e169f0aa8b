// Bounds: rounded_products; alpha and beta scale the terms and their errors alike.
#include "support/kernel_properties.hpp"

#include "kernels/activation.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// As rounded_products, but relative to sums of up to 8, of which some activations leave nothing above 1.
constexpr bound before_activation{1.2e-2, 1e-3};

std::string fused_name(std::string_view key) {
  return std::string(key);
}

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

TEST_CASE("Gemm of constant weights has the same bits for every number of rows") {
  // Different kernels serve one row, few and many; the chains of products must not differ.
  for (const std::int64_t inner : {24, 129, 17000}) {
    const std::int64_t transposed = inner == 129 ? 0 : 1;
    INFO("inner " << inner << ", transB " << transposed);
    const std::int64_t columns = inner > 1000 ? 9 : 67;
    auto given = gemm({23, inner}, transposed ? shape{columns, inner} : shape{inner, columns}, shape{columns});
    given.attributes = {{"transB", transposed}, {fused_name(fused::activation), std::string("Tanh")}};
    given.constants = {1, 2};
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      const auto all = run_on("", given, storage);
      for (const std::int64_t rows : {1, 3, 17}) {
        auto some = given;
        some.inputs[0] = need(given.inputs[0].rows(3, rows));
        INFO(rows << " rows, storage " << to_string(storage));
        CHECK(bitwise_equal(run_on("", some, storage).at(0), need(all.at(0).rows(3, rows))));
      }
    }
  }
}

TEST_CASE("every binary16 is itself as a constant weight of a Gemm") {
  // Up to 127 they come to the kernels in a code of their own, beyond as they are.
  constexpr std::int64_t inner = 64, columns = 1024;
  kernel_case given{
      .op = "Gemm",
      .inputs = {need(tensor::make(dtype::f16, {inner, inner})), need(tensor::make(dtype::f16, {inner, columns}))},
      .constants = {1}};
  for (std::size_t k = 0; k < inner; ++k) given.inputs[0].as_mutable<float16>()[k * (inner + 1)] = to_float16(1);
  for (const float largest : {126.0f, 65504.0f}) {
    const auto weights = given.inputs[1].as_mutable<float16>();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float16 half{static_cast<std::uint16_t>(i)};
      weights[i] = std::abs(to_float(half)) <= largest ? half : to_float16(1);
    }
    for (const std::int64_t rows : {inner, std::int64_t{1}}) {
      kernel_case some = given;
      some.inputs[0] = need(given.inputs[0].rows(inner - rows, rows));
      const tensor got = run_on("", some, dtype::f16).at(0);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows * columns); ++i) {
        const float want = to_float(weights[static_cast<std::size_t>((inner - rows) * columns) + i]);
        wrong += (got.type() == dtype::f16 ? to_float(got.as<float16>()[i]) : got.as<float>()[i]) != want;
      }
      INFO(rows << " rows, up to " << largest);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("Gemm ends in every activation that a pass may move into it") {
  struct ending {
    const char* name;
    float alpha, beta;
  };
  for (const ending& last : std::initializer_list<ending>{{"Relu", 0, 0},
                                                          {"LeakyRelu", 0.1f, 0},
                                                          {"Clip", -0.5f, 2},
                                                          {"Sigmoid", 0, 0},
                                                          {"Tanh", 0, 0},
                                                          {"HardSigmoid", 0.2f, 0.5f},
                                                          {"HardSwish", 1.0f / 6, 0.5f},
                                                          {"Swish", 1, 0},
                                                          {"Gelu", 0, 0},
                                                          {"GeluTanh", 0, 0}})
    for (const std::int64_t rows : {1, 3, 19}) {
      if (rows < 19 && last.alpha != 0) continue;  // each is a pipeline of its own
      INFO(last.name << ", " << rows << " rows");
      auto given = gemm({rows, 40}, {40, 21}, shape{21});
      given.attributes = {{fused_name(fused::activation), std::string(last.name)},
                          {fused_name(fused::alpha), last.alpha},
                          {fused_name(fused::beta), last.beta}};
      given.constants = {1, 2};
      check_kernel(given, before_activation);
    }
}

TEST_CASE("Gemm adds a residual before its activation") {
  for (const std::int64_t inner : {40, 17000}) {  // the latter in slices
    auto given = gemm({5, inner}, {inner, 21}, shape{5, 1});
    given.inputs.push_back(random_tensor({5, 21}, 4));
    given.attributes = {{fused_name(fused::activation), std::string("Relu")},
                        {fused_name(fused::operands), std::int64_t{1}}};
    check_kernel(given, rounded_products);
  }
  check_reference({.op = "Gemm",
                   .inputs = {tensor_of({1, 2}, {1, 2}), tensor_of({2, 2}, {1, 0, 0, 1}), tensor_of({2}, {1, 1}),
                              tensor_of({1, 2}, {-5, 5})},
                   .attributes = {{fused_name(fused::activation), std::string("Relu")},
                                  {fused_name(fused::operands), std::int64_t{1}}}},
                  tensor_of({1, 2}, {0, 8}));
}

TEST_CASE("Gemm refuses what no pass would have made of it") {
  auto given = gemm({5, 8}, {8, 9}, shape{9});
  given.inputs.push_back(random_tensor({5, 9}, 4));
  CHECK(refused(given, "has 4 operands; at most 3"));
  given.attributes = {{fused_name(fused::operands), std::int64_t{1}}};
  given.inputs[3] = random_tensor({9}, 4);
  CHECK(refused(given, "adds float32[9] to its result, which is float32[5,9]"));
  given.inputs.pop_back();
  given.attributes = {{fused_name(fused::activation), std::string("Relux")}};
  CHECK(refused(given, "ends in an activation \"Relux\""));
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
