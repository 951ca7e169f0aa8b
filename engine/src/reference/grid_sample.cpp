#include "kernels/grid_sample.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

constexpr std::size_t spatial_max = 3;

/// x mirrored at both ends of [low, high] until it lies between them.
double reflected(double x, double low, double high) {
  const double length = high - low;
  if (!(length > 0)) return low;
  const double turns = std::abs(x - low) / length;
  const double rest = (turns - std::floor(turns)) * length;
  return std::fmod(std::floor(turns), 2) == 0 ? low + rest : high - rest;
}

/// The weights of four neighbours, the second of which is `at` before the place (a = -0.75: Keys, "Cubic convolution
/// interpolation for digital image processing").
std::array<double, 4> cubic_weights(double at) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(at + 1), near(at), near(1 - at), far(2 - at)};
}

/// One channel of one image.
struct plane {
  const grid_sampling& sampling;
  const float* pixels;
  std::size_t axes;
  std::array<std::int64_t, spatial_max> extents{};

  double lowest() const { return sampling.align_corners ? 0 : -0.5; }
  double highest(std::size_t axis) const {
    return static_cast<double>(extents[axis]) - (sampling.align_corners ? 1 : 0.5);
  }

  /// A pixel whose indices may lie outside.
  double at(const std::array<double, spatial_max>& index) const {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      double i = index[axis];
      const double last = static_cast<double>(extents[axis] - 1);
      if (!(i >= 0 && i <= last)) {
        if (sampling.padding == sample_padding::zeros || std::isnan(i)) return 0;
        if (sampling.padding == sample_padding::reflection) i = std::nearbyint(reflected(i, lowest(), highest(axis)));
        i = std::clamp(i, 0.0, last);
      }
      place = place * extents[axis] + static_cast<std::int64_t>(i);
    }
    return pixels[place];
  }

  /// The value at a place given in pixels, for each axis.
  double sample(std::array<double, spatial_max> where) const {
    const bool is_nearest = sampling.mode == sample_mode::nearest;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      double& x = where[axis];
      if (is_nearest) x = std::nearbyint(x);
      if (x >= lowest() && x <= highest(axis)) continue;
      if (sampling.padding == sample_padding::border) x = std::clamp(x, 0.0, static_cast<double>(extents[axis] - 1));
      if (sampling.padding == sample_padding::reflection) x = reflected(x, lowest(), highest(axis));
    }
    if (is_nearest) return at(where);
    std::array<double, spatial_max> base{};
    for (std::size_t axis = 0; axis < axes; ++axis) base[axis] = std::floor(where[axis]);
    double sum = 0;
    const bool is_cubic = sampling.mode == sample_mode::cubic;
    const unsigned taps = is_cubic ? 4 : 2;
    unsigned corners = 1;
    for (std::size_t axis = 0; axis < axes; ++axis) corners *= taps;
    for (unsigned corner = 0; corner < corners; ++corner) {
      std::array<double, spatial_max> index = base;
      double weight = 1;
      unsigned rest = corner;
      for (std::size_t axis = axes; axis-- > 0; rest /= taps) {
        const unsigned tap = rest % taps;
        const double fraction = where[axis] - base[axis];
        index[axis] += is_cubic ? static_cast<double>(tap) - 1 : tap;
        weight *= is_cubic ? cubic_weights(fraction)[tap] : (tap == 1 ? fraction : 1 - fraction);
      }
      sum += weight * at(index);
    }
    return sum;
  }
};

}  // namespace

result<void> grid_sample_reference(reference_context& context) {
  TROUPE_TRY(const grid_sampling sampling, read_grid_sample(context.step()));
  TROUPE_TRY(const auto image, context.input_floats(0));
  TROUPE_TRY(const auto grid, context.input_floats(1));
  const shape& dims = context.input(0).dims();
  const std::size_t axes = dims.rank() - 2;
  const std::int64_t pixels = dims.elements(2, dims.rank());
  const std::int64_t places = context.output(0).dims().elements(2, dims.rank());
  std::vector<float> values;
  values.reserve(context.output(0).elements());
  for (std::int64_t channel = 0; channel < dims[0] * dims[1]; ++channel) {
    plane source{sampling, image.data() + channel * pixels, axes, {}};
    for (std::size_t axis = 0; axis < axes; ++axis) source.extents[axis] = dims[axis + 2];
    const float* coordinates = grid.data() + channel / dims[1] * places * static_cast<std::int64_t>(axes);
    for (std::int64_t i = 0; i < places; ++i, coordinates += axes) {
      std::array<double, spatial_max> where{};
      for (std::size_t axis = 0; axis < axes; ++axis) {
        const double x = coordinates[axes - 1 - axis];  // the innermost axis comes first
        const double extent = static_cast<double>(source.extents[axis]);
        where[axis] = sampling.align_corners ? (x + 1) / 2 * (extent - 1) : ((x + 1) * extent - 1) / 2;
      }
      values.push_back(static_cast<float>(source.sample(where)));
    }
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
