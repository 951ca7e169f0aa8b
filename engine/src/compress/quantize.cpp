#include "compress/quantize.hpp"

#include <algorithm>
#include <cmath>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<int8_weights> quantize_int8(const tensor& weights, std::size_t axis) {
  const shape& dims = weights.dims();
  const auto outer = static_cast<std::size_t>(dims.elements(0, axis));
  const auto channels = static_cast<std::size_t>(dims[axis]);
  const auto inner = static_cast<std::size_t>(dims.elements(axis + 1, dims.rank()));
  const std::span<const float> from = weights.as<float>();
  for (const float weight : from)
    if (!std::isfinite(weight)) return fail(errc::invalid_argument, "it holds a NaN or an infinity");

  int8_weights made;
  TROUPE_TRY(made.values, tensor::make(dtype::i8, dims));
  const std::span<std::int8_t> to = made.values.as_mutable<std::int8_t>();
  double largest_weight = 0, largest_error = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const auto for_each = [&](const auto& body) {
      for (std::size_t o = 0; o < outer; ++o)
        for (std::size_t i = 0; i < inner; ++i) body((o * channels + channel) * inner + i);
    };
    float largest = 0;
    for_each([&](std::size_t at) { largest = std::max(largest, std::abs(from[at])); });
    // The smallest subnormals would give a scale of zero.
    const float scale = largest / 127.0f > 0 ? largest / 127.0f : 1.0f;
    made.scales.push_back(scale);
    for_each([&](std::size_t at) {
      const float rounded = std::nearbyint(from[at] / scale);
      to[at] = static_cast<std::int8_t>(std::clamp(rounded, -127.0f, 127.0f));
      largest_error = std::max(largest_error, std::abs(static_cast<double>(to[at]) * scale - from[at]));
    });
    largest_weight = std::max<double>(largest_weight, largest);
  }
  made.error_max = largest_weight > 0 ? largest_error / largest_weight : 0;
  return made;
}

}  // namespace troupe
