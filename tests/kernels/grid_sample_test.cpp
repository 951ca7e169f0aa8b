#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case grid_sample(tensor image, tensor grid, const char* mode, const char* padding = "zeros",
                        bool align_corners = true) {
  return {.op = "GridSample",
          .inputs = {std::move(image), std::move(grid)},
          .attributes = {{"mode", std::string(mode)},
                         {"padding_mode", std::string(padding)},
                         {"align_corners", std::int64_t{align_corners}}},
          .version = 20};
}

/// One row of three pixels, read at places from -1 (the first one's centre) to 1 (the last one's).
kernel_case row(std::initializer_list<float> places, const char* mode, const char* padding = "zeros") {
  std::vector<float> grid;
  for (const float x : places) grid.insert(grid.end(), {x, 0});
  const shape dims{1, 1, static_cast<std::int64_t>(places.size()), 2};
  return grid_sample(tensor_of<float>({1, 1, 1, 3}, {10, 20, 40}), need(tensor::from<float>(dims, grid)), mode,
                     padding);
}

}  // namespace

TEST_CASE("GridSample reads pixels, between pixels and beyond them") {
  const shape three{1, 1, 1, 3};
  check_value(row({-1, 0, 1}, "linear"), tensor_of<float>(three, {10, 20, 40}));
  check_value(row({-0.5f, 0.5f, 0.75f}, "linear"), tensor_of<float>(three, {15, 30, 35}));
  check_value(row({-1.5f, 1.5f, 9}, "linear"), tensor_of<float>(three, {5, 20, 0}));
  check_value(row({-1.5f, 1.5f, 9}, "linear", "border"), tensor_of<float>(three, {10, 40, 40}));
  check_value(row({-2, 2, 3}, "linear", "reflection"), tensor_of<float>(three, {20, 20, 10}));
  check_value(row({-0.6f, 0.4f, 0.6f}, "nearest"), tensor_of<float>(three, {10, 20, 40}));
  // At a pixel the cubic is the pixel; in the middle its weights are -3/32, 19/32, 19/32, -3/32.
  check_value(row({-1, 0, 0.5f}, "cubic", "border"), tensor_of<float>(three, {10, 20, 30.9375f}));
}

TEST_CASE("GridSample places the edges of pixels at -1 and 1 unless told otherwise") {
  const tensor image = tensor_of<float>({1, 1, 2, 2}, {1, 2, 3, 4});
  const tensor centre = tensor_of<float>({1, 1, 1, 2}, {0, 0});
  check_value(grid_sample(image, centre, "linear", "zeros", false), tensor_of<float>({1, 1, 1, 1}, {2.5f}));
  const tensor corner = tensor_of<float>({1, 1, 1, 2}, {1, -1});
  check_value(grid_sample(image, corner, "linear", "zeros", false), tensor_of<float>({1, 1, 1, 1}, {0.5f}));
  check_value(grid_sample(image, corner, "linear", "zeros", true), tensor_of<float>({1, 1, 1, 1}, {2}));
  const tensor cube = tensor_of<float>({1, 1, 1, 1, 2}, {1, 3});
  check_value(grid_sample(cube, tensor_of<float>({1, 1, 1, 1, 3}, {0, 0, 0}), "linear"),
              tensor_of<float>({1, 1, 1, 1, 1}, {2}));
}

TEST_CASE("GridSample refuses operands that do not fit") {
  const tensor image = counting({1, 1, 2, 2});
  const auto code = [](const kernel_case& given) { return refusal(given).code(); };
  CHECK(code(grid_sample(image, counting({2, 1, 1, 2}), "linear")) == errc::invalid_argument);
  CHECK(code(grid_sample(image, counting({1, 1, 1, 3}), "linear")) == errc::invalid_argument);
  CHECK(code(grid_sample(image, counting({1, 1, 1, 2}), "cubist")) == errc::invalid_argument);
  CHECK(code(grid_sample(image, counting({1, 1, 1, 2}), "linear", "mirrors")) == errc::invalid_argument);
  CHECK(code(grid_sample(counting({1, 1, 2}), counting({1, 1, 1}), "cubic")) == errc::unsupported);
}
