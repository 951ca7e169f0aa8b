#include "troupe/engine/compress.hpp"

#include <cmath>
#include <limits>

#include "compress/quantize.hpp"
#include "support/check.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/engine/onnx_import.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

tensor floats(const shape& dims, const std::vector<float>& values) {
  return need(tensor::from<float>(dims, values));
}

}  // namespace

TEST_CASE("eight bits keep the largest weight of each channel exactly and round the others") {
  const tensor weights = floats({2, 3}, {127, -63.4f, 0.5f, -254, 1, 3});
  const int8_weights rows = need(quantize_int8(weights, 0));
  CHECK(rows.scales == std::vector<float>{1, 2});
  const auto q = rows.values.as<std::int8_t>();
  // Halves go to the even neighbour: 0.5 -> 0, 1/2 -> 0, 3/2 -> 2.
  CHECK(std::vector<int>(q.begin(), q.end()) == std::vector<int>{127, -63, 0, -127, 0, 2});
  CHECK(rows.error_max == Approx(1.0 / 254));

  const int8_weights columns = need(quantize_int8(weights, 1));
  CHECK(columns.scales.size() == 3);
  CHECK(columns.scales[0] == Approx(2));
  CHECK(columns.values.as<std::int8_t>()[0] == 64);
}

TEST_CASE("channels of zeros and of the smallest numbers stay zeros") {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const int8_weights made = need(quantize_int8(floats({2, 2}, {0, 0, tiny, -tiny}), 0));
  for (const auto value : made.values.as<std::int8_t>()) CHECK(value == 0);
  for (const float scale : made.scales) CHECK(scale == 1);
}

TEST_CASE("NaN and infinity have no eight bits") {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()})
    CHECK(quantize_int8(floats({1, 2}, {1, bad}), 0).error().code() == errc::invalid_argument);
}

TEST_CASE("a file that is no model, or is not there, is refused, and nothing is written") {
  const temporary_folder folder;
  const auto target = folder.path() / "out.onnx";
  CHECK_FALSE(compress_onnx(folder.path() / "none.onnx", target, {}));
  CHECK_FALSE(std::filesystem::exists(target));
}
