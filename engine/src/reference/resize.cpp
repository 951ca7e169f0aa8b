#include "kernels/resize.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "reference/walk.hpp"

namespace troupe {
namespace {

/// fp32 step by step, as resize.hpp demands.
float place_of(const axis_resize& axis, std::int64_t x) {
  const float shifted = static_cast<float>(x) + axis.shift;
  const float scaled = shifted * axis.factor;
  const float divided = scaled / axis.divisor;
  return divided + axis.offset;
}

std::int64_t clamp_to(const axis_resize& axis, double index) {
  return static_cast<std::int64_t>(std::clamp(index, 0.0, static_cast<double>(axis.input - 1)));
}

std::int64_t nearest_of(nearest_rounding rounding, const axis_resize& axis, double place) {
  switch (rounding) {
    case nearest_rounding::prefer_floor: return clamp_to(axis, std::ceil(place - 0.5));
    case nearest_rounding::prefer_ceil: return clamp_to(axis, std::floor(place + 0.5));
    case nearest_rounding::floor: return clamp_to(axis, std::floor(place));
    case nearest_rounding::ceil: return clamp_to(axis, std::ceil(place));
  }
  return 0;
}

double weight_of(const resize_plan& plan, double x) {
  x = std::abs(x);
  if (plan.mode == resize_mode::linear) return std::max(0.0, 1 - x);
  const double a = plan.cubic_coefficient;
  if (x <= 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  if (x < 2) return a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
  return 0;
}

struct tap {
  std::int64_t index = 0;
  double weight = 0;
};

/// What one position of the result is made of; nothing when it is extrapolated.
std::optional<std::vector<tap>> taps_of(const resize_plan& plan, const axis_resize& axis, std::int64_t x) {
  const double place = place_of(axis, x);
  if (plan.extrapolates && (place < 0 || place > static_cast<double>(axis.input - 1))) return std::nullopt;
  if (plan.mode == resize_mode::nearest) return std::vector<tap>{{nearest_of(plan.rounding, axis, place), 1.0}};
  const double left = std::ceil(place) - 1;
  std::vector<tap> taps;
  double sum = 0;
  const std::int64_t first = first_tap(plan, axis);
  for (std::int64_t i = first; i <= 1 - first; ++i) {
    const double index = left + static_cast<double>(i);
    const bool outside = index < 0 || index > static_cast<double>(axis.input - 1);
    const double weight = weight_of(plan, (index - place) * axis.filter_scale);
    if (weight == 0 || (outside && plan.excludes_outside)) continue;
    taps.push_back({clamp_to(axis, index), weight});
    sum += weight;
  }
  for (tap& each : taps) each.weight /= sum;
  return taps;
}

/// One axis of [outer, input, inner].
std::vector<double> resample(const resize_plan& plan, const axis_resize& axis, const std::vector<double>& source,
                             std::int64_t inner) {
  const std::int64_t outer = static_cast<std::int64_t>(source.size()) / (axis.input * inner);
  std::vector<double> made(static_cast<std::size_t>(outer * axis.output * inner));
  for (std::int64_t x = 0; x < axis.output; ++x) {
    const auto taps = taps_of(plan, axis, x);
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i) {
        double value = taps ? 0.0 : static_cast<double>(plan.extrapolation);
        if (taps)
          for (const tap& each : *taps)
            value += each.weight * source[static_cast<std::size_t>((o * axis.input + each.index) * inner + i)];
        made[static_cast<std::size_t>((o * axis.output + x) * inner + i)] = value;
      }
  }
  return made;
}

/// Elements that only move keep their bits, whatever their type.
void pick_nearest(const resize_plan& plan, const tensor& source, tensor& target) {
  std::array<std::vector<std::int64_t>, limits::rank_max> chosen;
  for (const axis_resize& axis : plan.axes)
    for (std::int64_t x = 0; x < axis.output; ++x) chosen[axis.axis].push_back(taps_of(plan, axis, x)->front().index);
  gather_elements(source, target, [&](const tensor_index& index) {
    tensor_index from = index;
    for (const axis_resize& axis : plan.axes)
      from[axis.axis] = chosen[axis.axis][static_cast<std::size_t>(index[axis.axis])];
    return position(source.dims(), from);
  });
}

}  // namespace

result<void> resize_reference(reference_context& context) {
  TROUPE_TRY(const resize_plan plan, read_resize(node_view(context)));
  if (plan.mode == resize_mode::nearest && !plan.extrapolates) {
    pick_nearest(plan, context.input(0), context.output(0));
    return {};
  }
  TROUPE_TRY(const auto input, context.input_floats(0));
  std::vector<double> values(input.begin(), input.end());
  std::vector<std::int64_t> extents(context.input(0).dims().begin(), context.input(0).dims().end());
  for (const axis_resize& axis : plan.axes) {
    std::int64_t inner = 1;
    for (std::size_t k = axis.axis + 1; k < extents.size(); ++k) inner *= extents[k];
    if (!values.empty()) values = resample(plan, axis, values, inner);
    extents[axis.axis] = axis.output;
  }
  return context.set_output_floats(0, std::vector<float>(values.begin(), values.end()));
}

}  // namespace troupe
