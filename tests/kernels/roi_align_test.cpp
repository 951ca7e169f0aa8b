#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Of an image whose pixel (y, x) is 4 y + x.
kernel_case align(std::initializer_list<float> region, const char* mode = "avg", int version = 16) {
  return {.op = "RoiAlign",
          .inputs = {counting({1, 1, 4, 4}), tensor_of<float>({1, 4}, region), list_of({0})},
          .attributes = {{"mode", std::string(mode)}, {"sampling_ratio", std::int64_t{1}}},
          .version = version};
}

}  // namespace

TEST_CASE("RoiAlign samples regions of an image") {
  // The centre of [1, 3] x [1, 3] is 2, which half pixels make 1.5.
  check_value(align({1, 1, 3, 3}), tensor_of<float>({1, 1, 1, 1}, {7.5f}));
  check_value(align({1, 1, 3, 3}, "avg", 10), tensor_of<float>({1, 1, 1, 1}, {10}));
  check_value(align({9, 9, 11, 11}), tensor_of<float>({1, 1, 1, 1}, {0}));
  kernel_case bins = align({0, 0, 4, 4}, "avg", 10);
  bins.attributes["output_width"] = std::int64_t{2};
  check_value(bins, tensor_of<float>({1, 1, 1, 2}, {9, 11}));
  check_value(align({1, 1, 3, 3}, "max", 10), tensor_of<float>({1, 1, 1, 1}, {10}));
}

TEST_CASE("RoiAlign refuses operands that do not fit") {
  kernel_case given = align({1, 1, 3, 3});
  given.inputs[2] = list_of({1});
  CHECK(refusal(given).code() == errc::invalid_argument);
  given.inputs[2] = list_of({0, 0});
  CHECK(refusal(given).code() == errc::invalid_argument);
  CHECK(refusal(align({1, 1, 3, 3}, "median")).code() == errc::invalid_argument);
  given = align({1, 1, 3, 3});
  given.attributes["output_height"] = std::int64_t{0};
  CHECK(refusal(given).code() == errc::invalid_argument);
}
