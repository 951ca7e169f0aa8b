// PackRows: code = round(x / scale), ties to even, with scale = the row's largest magnitude / 127. UnpackRows:
// x = code * scale. Codes are symmetric, so that the one left over, -128, stands for what is no number. An infinity
// counts as the largest float16, as in every store of a device.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

constexpr std::int8_t not_a_number = -128;
constexpr float code_max = 127;
constexpr float half_max = 65504;

}  // namespace

result<void> pack_rows_reference(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(0));
  const auto codes = context.output(0).as_mutable<std::int8_t>();
  const auto scales = context.output(1).as_mutable<float>();
  const std::size_t length = scales.empty() ? 0 : values.size() / scales.size();
  for (std::size_t row = 0; row < scales.size(); ++row) {
    const auto from = std::span(values).subspan(row * length, length);
    float largest = 0;
    for (float& x : from) {
      if (!std::isnan(x)) x = std::clamp(x, -half_max, half_max);
      largest = std::max(largest, std::abs(x));  // as it is for NaN, which compares as smaller
    }
    const float scale = scales[row] = largest / code_max;
    const auto into = codes.subspan(row * length, length);
    for (std::size_t i = 0; i < length; ++i)
      into[i] = std::isnan(from[i]) ? not_a_number
                : scale > 0 ? static_cast<std::int8_t>(std::clamp(std::nearbyint(from[i] / scale), -code_max, code_max))
                            : std::int8_t{0};
  }
  return {};
}

result<void> unpack_rows_reference(reference_context& context) {
  const auto codes = context.input(0).as<std::int8_t>();
  const auto scales = context.input(1).as<float>();
  std::vector<float> values(codes.size());
  const std::size_t length = scales.empty() ? 0 : codes.size() / scales.size();
  for (std::size_t row = 0; row < scales.size(); ++row)
    for (std::size_t i = row * length; i < (row + 1) * length; ++i)
      values[i] = codes[i] == not_a_number ? std::nanf("") : static_cast<float>(codes[i]) * scales[row];
  return context.set_output_floats(0, values);
}

}  // namespace troupe
