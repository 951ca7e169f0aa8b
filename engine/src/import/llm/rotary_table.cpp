#include "import/llm/rotary_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {
namespace {

/// The pair whose wave turns `rotations` times over the context that the model was trained for at first.
double pair_with(double rotations, const rotary_angles& angles) {
  const double size = static_cast<double>(angles.size);
  const double context = static_cast<double>(angles.scaling.original_context);
  return size * std::log(context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(angles.base));
}

/// How much each pair turns from one position to the next.
std::vector<double> frequencies(const rotary_angles& angles) {
  const rotary_scaling& scaling = angles.scaling;
  const std::size_t pairs = static_cast<std::size_t>(angles.size / 2);
  const double low = std::max(0.0, std::floor(pair_with(scaling.beta_fast, angles)));
  const double high = std::min(static_cast<double>(angles.size - 1), std::ceil(pair_with(scaling.beta_slow, angles)));
  std::vector<double> made(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const double pair = static_cast<double>(i);
    double frequency = std::pow(angles.base, -2 * pair / static_cast<double>(angles.size));
    if (!angles.factors.empty()) frequency /= static_cast<double>(angles.factors[i]);
    if (scaling.type == rotary_scaling::kind::yarn) {
      // Fast pairs turn as they always did, slow ones are stretched, those between are a mixture.
      const double kept = 1 - std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
      made[i] = frequency / scaling.factor * (1 - kept) + frequency * kept;
    } else {
      made[i] = frequency / scaling.factor;
    }
  }
  return made;
}

double attention_factor(const rotary_scaling& scaling) {
  if (scaling.type != rotary_scaling::kind::yarn || scaling.factor <= 1) return scaling.attention_factor;
  return scaling.attention_factor * (1 + 0.1 * std::log(scaling.factor));
}

}  // namespace

result<tensor> rotary_table(const rotary_angles& angles, std::int64_t positions) {
  const auto frequency = frequencies(angles);
  const double factor = attention_factor(angles.scaling);
  const std::array<std::int64_t, 2> extents{positions, angles.size / 2 * 8};
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype::u8, dims));
  std::byte* at = made.mutable_bytes().data();
  for (std::int64_t position = 0; position < positions; ++position)
    for (const double step : frequency) {
      const double angle = static_cast<double>(position) * step;
      const std::array<float, 2> turn{static_cast<float>(std::cos(angle) * factor),
                                      static_cast<float>(std::sin(angle) * factor)};
      std::memcpy(at, turn.data(), sizeof turn);
      at += sizeof turn;
    }
  return made;
}

}  // namespace troupe::llm
