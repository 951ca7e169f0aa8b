// Matrix products by a device's matrix units. A device without them runs the plain kernels for GPUs, and everything
// here holds for those as well; on lavapipe since Mesa 26, which emulates units of 8x8x8, the kernel itself is what
// runs.
#include "device/vulkan/cooperative_matrix.hpp"
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct opened_case {
  std::shared_ptr<device> on;
  std::unique_ptr<program> made;
};

opened_case open_case(const kernel_case& given, dtype storage, kernel_family family = kernel_family::cooperative) {
  opened_case opened{need(open_device("", operators(), {.kernels = family})), nullptr};
  opened.made = need(opened.on->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
  return opened;
}

time_point soon() {
  return steady_clock::now() + std::chrono::seconds(120);
}

void check_cooperative(const kernel_case& given, bound fp16 = rounded_products) {
  const auto want = run_on("reference", given, dtype::f32);
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const opened_case opened = open_case(given, storage);
    const auto got = need(opened.made->run(given.inputs, soon()));
    INFO(given.op << " by matrix units, storage " << to_string(storage) << ", " << given.inputs[0].dims().to_string()
                  << " by " << given.inputs[1].dims().to_string());
    CHECK(compare(got.at(0), want.at(0), storage == dtype::f16 ? fp16 : bound{1e-5, 1e-5}) == "");
  }
}

kernel_case gemm(std::int64_t rows, std::int64_t inner, std::int64_t columns, std::int64_t left_transposed = 0,
                 std::int64_t right_transposed = 0) {
  return {.op = "Gemm",
          .inputs = {random_tensor(left_transposed ? shape{inner, rows} : shape{rows, inner}, 1),
                     random_tensor(right_transposed ? shape{columns, inner} : shape{inner, columns}, 2),
                     random_tensor({columns}, 3)},
          .attributes = {{"transA", left_transposed}, {"transB", right_transposed}}};
}

VkCooperativeMatrixPropertiesKHR unit(std::uint32_t rows, std::uint32_t columns, std::uint32_t terms) {
  VkCooperativeMatrixPropertiesKHR made{};
  made.MSize = rows, made.NSize = columns, made.KSize = terms;
  made.AType = made.BType = VK_COMPONENT_TYPE_FLOAT16_KHR;
  made.CType = made.ResultType = VK_COMPONENT_TYPE_FLOAT32_KHR;
  made.scope = VK_SCOPE_SUBGROUP_KHR;
  return made;
}

}  // namespace

TEST_CASE("the largest matrix unit of binary16 with fp32 sums is chosen") {
  using troupe::vulkan::choose_matrix_unit;
  auto bytes = unit(16, 16, 32), halves = unit(16, 16, 16), whole_group = unit(32, 8, 32), saturating = unit(16, 8, 32);
  bytes.AType = bytes.BType = VK_COMPONENT_TYPE_SINT8_KHR;
  halves.CType = halves.ResultType = VK_COMPONENT_TYPE_FLOAT16_KHR;
  whole_group.scope = VK_SCOPE_WORKGROUP_KHR;
  saturating.saturatingAccumulation = VK_TRUE;
  const std::vector refused{bytes,         halves,           whole_group,
                            saturating,    unit(64, 32, 16), unit(16, 16, 64),
                            unit(4, 4, 4), unit(16, 0, 16),  unit(32, 32, 16)};
  CHECK_FALSE(choose_matrix_unit(refused));
  CHECK_FALSE(choose_matrix_unit({}));
  const std::vector offered{unit(8, 8, 8), halves, unit(16, 8, 16), unit(16, 16, 16), unit(8, 32, 16)};
  const matrix_unit chosen = choose_matrix_unit(offered);
  CHECK(chosen.rows == 16);
  CHECK(chosen.columns == 16);
  CHECK(chosen.terms == 16);
}

TEST_CASE("matrix units multiply where they are asked for and there are any", "[device]") {
  const device_info info = need(list_devices()).front();
  if (info.traits.matrix) CHECK(info.cooperative_matrix);
  const kernel_case given = gemm(33, 40, 24);
  for (const kernel_family family : {kernel_family::automatic, kernel_family::gpu, kernel_family::cooperative}) {
    const opened_case opened = open_case(given, dtype::f16, family);
    const run_profile profile = need(opened.made->profile(given.inputs, soon()));
    const bool by_units = std::any_of(profile.steps.begin(), profile.steps.end(),
                                      [](const profiled_step& step) { return step.kernel == "gemm_cooperative"; });
    const bool expected = info.traits.matrix && (family == kernel_family::cooperative ||
                                                 (family == kernel_family::automatic && !info.traits.software));
    CHECK(by_units == expected);
  }
}

TEST_CASE("matrix products by matrix units equal their definition", "[device]") {
  const std::array<std::array<std::int64_t, 3>, 9> extents{{{33, 65, 129},
                                                            {64, 64, 64},
                                                            {65, 72, 100},
                                                            {128, 100, 77},
                                                            {1, 64, 200},
                                                            {1, 33, 7},
                                                            {9, 1, 1},
                                                            {5, 16, 64},
                                                            {70, 40, 136}}};
  for (const auto& [rows, inner, columns] : extents)
    for (const std::int64_t left_transposed : {0, 1})
      for (const std::int64_t right_transposed : {0, 1})
        check_cooperative(gemm(rows, inner, columns, left_transposed, right_transposed));
}

TEST_CASE("matrix units add up long sums in slices, side by side or not", "[device]") {
  check_cooperative(gemm(3, 2500, 72));            // few tiles: slices on workgroups of their own
  check_cooperative(gemm(300, 1100, 4160, 0, 1));  // more than 256 tiles: one after another
}

TEST_CASE("matrix units take larger tiles when there are many", "[device]") {
  check_cooperative(gemm(1030, 40, 4000));
}

TEST_CASE("a row's bits from matrix units do not depend on the rows beside it", "[device]") {
  for (const std::int64_t inner : {40, 2500})
    for (const std::int64_t right_transposed : {0, 1}) {
      INFO("inner " << inner << ", transB " << right_transposed);
      const kernel_case given = gemm(70, inner, 72, 0, right_transposed);
      const opened_case opened = open_case(given, dtype::f16);
      const auto run = [&](const tensor& left) {
        return need(opened.made->run(std::vector{left, given.inputs[1], given.inputs[2]}, soon())).at(0);
      };
      const tensor all = run(given.inputs[0]);
      for (const std::int64_t rows : {1, 5, 17, 61})
        CHECK(bitwise_equal(run(need(given.inputs[0].rows(9, rows))), need(all.rows(9, rows))));
    }
}

TEST_CASE("matrix units multiply over a batch and with an epilogue", "[device]") {
  check_cooperative({.op = "MatMul", .inputs = {random_tensor({2, 3, 5, 24}, 1), random_tensor({3, 24, 8}, 2)}});
  check_cooperative({.op = "MatMul", .inputs = {random_tensor({4, 1, 33, 17}, 1), random_tensor({3, 17, 20}, 2)}});
  for (const std::int64_t columns : {65, 64})
    check_cooperative(
        {.op = "Gemm",
         .inputs = {random_tensor({9, 24}, 1), random_tensor({24, columns}, 2), random_tensor({columns}, 3),
                    random_tensor({9, columns}, 4)},
         .attributes = {
             {"troupe_fused", std::int64_t{1}}, {"troupe_activation", std::string("Swish")}, {"troupe_alpha", 1.0f}}});
}

TEST_CASE("matrix units keep overflow finite and infinities where they are", "[device]") {
  kernel_case given = gemm(9, 32, 16);
  given.inputs = {tensor_of({9, 32}, std::vector<float>(9 * 32, 200.0f)),
                  tensor_of({32, 16}, std::vector<float>(32 * 16, 200.0f)), tensor_of({16}, std::vector<float>(16))};
  given.inputs[2].as_mutable<float>()[3] = -std::numeric_limits<float>::infinity();
  const opened_case opened = open_case(given, dtype::f16);
  const tensor got = need(convert(need(opened.made->run(given.inputs, soon())).at(0), dtype::f32));
  for (std::size_t i = 0; i < 9 * 16; ++i)
    CHECK(got.as<float>()[i] == (i % 16 == 3 ? -std::numeric_limits<float>::infinity() : 65504.0f));
}
