// He et al., "Mask R-CNN", section 3: bilinear samples at regular places of each bin, averaged or their maximum.
#include "kernels/roi_align.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

struct corner {
  std::size_t place = 0;
  double weight = 0;
};

/// The four pixels around a place; none of them counts more than a pixel outside of the image.
std::array<corner, 4> corners_of(double y, double x, std::int64_t height, std::int64_t width) {
  if (!(y >= -1 && y <= static_cast<double>(height) && x >= -1 && x <= static_cast<double>(width))) return {};
  y = std::clamp(y, 0.0, static_cast<double>(height - 1));
  x = std::clamp(x, 0.0, static_cast<double>(width - 1));
  const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
  const std::int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const double below = y - static_cast<double>(top), beyond = x - static_cast<double>(left);
  const auto at = [&](std::int64_t row, std::int64_t column) { return static_cast<std::size_t>(row * width + column); };
  return {corner{at(top, left), (1 - below) * (1 - beyond)}, corner{at(top, right), (1 - below) * beyond},
          corner{at(bottom, left), below * (1 - beyond)}, corner{at(bottom, right), below * beyond}};
}

}  // namespace

result<void> roi_align_reference(reference_context& context) {
  const node& step = context.step();
  TROUPE_TRY(const roi_alignment alignment, read_roi_align(step));
  TROUPE_TRY(const auto image, context.input_floats(0));
  TROUPE_TRY(const auto regions, context.input_floats(1));
  TROUPE_TRY(const auto batches, context.input_ints(2));
  const shape& dims = context.input(0).dims();
  const std::int64_t channels = dims[1], height = dims[2], width = dims[3];
  std::vector<float> values;
  values.reserve(context.output(0).elements());
  for (std::size_t r = 0; r < batches.size(); ++r) {
    if (batches[r] < 0 || batches[r] >= dims[0])
      return fail(errc::invalid_argument, "{} has a region of image {} of {}", step.describe(), batches[r], dims[0]);
    const double shift = alignment.half_pixel ? 0.5 : 0;
    const auto scaled = [&](std::size_t i) { return regions[4 * r + i] * alignment.scale - shift; };
    const double left = scaled(0), top = scaled(1);
    const double least = alignment.half_pixel ? -std::numeric_limits<double>::infinity() : 1;
    const double bin_height = std::max(scaled(3) - top, least) / static_cast<double>(alignment.height);
    const double bin_width = std::max(scaled(2) - left, least) / static_cast<double>(alignment.width);
    const auto samples_of = [&](double bin, std::int64_t extent) {
      if (alignment.samples > 0) return alignment.samples;
      // A bin has no more pixels than the image that are worth a look.
      return static_cast<std::int64_t>(std::clamp(std::ceil(bin), 1.0, static_cast<double>(extent + 2)));
    };
    const std::int64_t down = samples_of(bin_height, height), across = samples_of(bin_width, width);
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      const float* pixels = image.data() + (batches[r] * channels + channel) * height * width;
      for (std::int64_t row = 0; row < alignment.height; ++row)
        for (std::int64_t column = 0; column < alignment.width; ++column) {
          double sum = 0, largest = -std::numeric_limits<double>::infinity();
          for (std::int64_t a = 0; a < down; ++a)
            for (std::int64_t b = 0; b < across; ++b) {
              const auto along = [](double start, double bin, std::int64_t i, std::int64_t k, std::int64_t count) {
                return start +
                       bin * (static_cast<double>(i) + (static_cast<double>(k) + 0.5) / static_cast<double>(count));
              };
              for (const corner& near : corners_of(along(top, bin_height, row, a, down),
                                                   along(left, bin_width, column, b, across), height, width)) {
                const double value = near.weight * pixels[near.place];
                sum += value;
                largest = std::max(largest, value);  // of the weighted corners, as ONNX defines it
              }
            }
          values.push_back(
              static_cast<float>(alignment.takes_maximum ? largest : sum / static_cast<double>(down * across)));
        }
    }
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
