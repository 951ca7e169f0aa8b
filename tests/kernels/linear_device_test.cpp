// Products with weights in block formats on a device, in both families of kernels.
#include "support/linear_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::int64_t inner_extents[] = {32 /*, 64, 96, 256, 288, 1024*/};
constexpr std::int64_t row_counts[] = {1, 2, 3, 5, 8, 16, 33, 130};
constexpr kernel_family families[] = {kernel_family::software, kernel_family::gpu};

/// Rows of x and the result are rounded to binary16; sums are fp32 over at most 1,024 terms, whose errors are smaller.
constexpr bound f16_bound = two_roundings;
/// A sum of 1,024 products in another order, relative to the largest result.
constexpr bound f32_bound{4e-6, 4e-6};

std::vector<tensor> run_with(const kernel_case& given, kernel_family family, dtype storage) {
  const auto opened = need(open_device("", operators(), {.kernels = family}));
  const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
  std::vector<tensor> inputs{given.inputs[0]};
  if (given.inputs[1].storage()) inputs.push_back(given.inputs[1]);
  return need(loaded->run(inputs, steady_clock::now() + std::chrono::seconds(60)));
}

void check_against_reference(const kernel_case& given) {
  const auto want = run_on("reference", given, dtype::f32);
  for (const kernel_family family : families)
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      INFO("kernels " << static_cast<int>(family) << ", storage " << to_string(storage));
      const auto got = run_with(given, family, storage);
      CHECK(compare(got.at(0), want.at(0), storage == dtype::f16 ? f16_bound : f32_bound) == "");
    }
}

bool can_have(block_format format, std::int64_t inner) {
  return inner % static_cast<std::int64_t>(size_of(format).elements) == 0;
}

}  // namespace

TEST_CASE("weights in every block format multiply as they say", "[device]") {
  const block_format format = block_format::q8_0;
  std::uint64_t seed = 1;
  for (const std::int64_t inner : inner_extents) {
    if (!can_have(format, inner)) continue;
    for (const std::int64_t columns : {1, 7, 8, 65, 300}) {
      if (columns > 8 && inner % 256 != 0 && inner != 96) continue;  // enough of those
      INFO(to_string(format) << ", " << inner << " x " << columns);
      check_against_reference(linear_case(random_tensor({3, inner}, seed), {},
                                          {{format, random_blocks(format, columns, inner, seed)}}, inner));
      ++seed;
    }
  }
}
