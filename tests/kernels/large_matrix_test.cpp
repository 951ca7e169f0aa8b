// A matrix of 150 MB: more than one storage binding holds on some drivers (128 MiB on lavapipe 22.3).
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::int64_t inner = 9216, columns = 8192;

/// Small integers, exact in binary16, that differ between neighbours.
float weight(std::int64_t k, std::int64_t n) {
  return static_cast<float>((3 * k + 7 * n + n / 128) % 5 - 2);
}

/// Few terms are not zero, so that sums are exact as well; the first and the last are among them.
float activation_at(std::int64_t k) {
  return k % 1151 == 0 || k == inner - 1 ? static_cast<float>(k % 7 + 1) : 0.0f;
}

tensor weights(bool transposed) {
  tensor made = need(tensor::make(dtype::f16, transposed ? shape{columns, inner} : shape{inner, columns}));
  const auto elements = made.as_mutable<float16>();
  std::array<float16, 5> halves;
  for (int i = 0; i < 5; ++i) halves[static_cast<std::size_t>(i)] = to_float16(static_cast<float>(i - 2));
  for (std::int64_t k = 0; k < inner; ++k)
    for (std::int64_t n = 0; n < columns; ++n)
      elements[static_cast<std::size_t>(transposed ? n * inner + k : k * columns + n)] =
          halves[static_cast<std::size_t>(weight(k, n) + 2)];
  return made;
}

void check_product(bool transposed, kernel_family family) {
  kernel_case given{.op = "Gemm",
                    .inputs = {need(tensor::make(dtype::f16, {1, inner})), weights(transposed)},
                    .attributes = {{"transB", std::int64_t{transposed}}},
                    .constants = {1}};
  for (std::int64_t k = 0; k < inner; ++k)
    given.inputs[0].as_mutable<float16>()[static_cast<std::size_t>(k)] = to_float16(activation_at(k));
  const auto opened = need(open_device("", operators(), {.kernels = family}));
  const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {}));
  const auto got = need(loaded->run(std::vector{given.inputs[0]}, steady_clock::now() + std::chrono::minutes(4)));
  const tensor wide = need(convert(got.at(0), dtype::f32));
  std::size_t wrong = 0;
  for (std::int64_t n = 0; n < columns; ++n) {
    float want = 0;
    for (std::int64_t k = 0; k < inner; ++k)
      if (activation_at(k) != 0) want += activation_at(k) * weight(k, n);
    wrong += wide.as<float>()[static_cast<std::size_t>(n)] != want;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a matrix larger than one binding multiplies correctly") {
  check_product(true, kernel_family::automatic);
  check_product(false, kernel_family::automatic);
}

TEST_CASE("a matrix larger than one binding multiplies correctly with the kernels of a GPU") {
  check_product(true, kernel_family::gpu);
  check_product(false, kernel_family::gpu);
}
