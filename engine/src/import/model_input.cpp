#include <algorithm>
#include <cmath>
#include <new>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/image.hpp"

namespace troupe {
namespace {

/// Weights of ITU-R BT.601, as JPEG and most training pipelines use them.
constexpr float luma[3] = {0.299f, 0.587f, 0.114f};

/// Which source positions make one target position, and with what weight; the weights add up to 1.
struct filter_taps {
  std::size_t first = 0;
  std::vector<float> weights;
};

/// A triangle around each target's centre, two source pixels wide, or two target pixels when shrinking.
std::vector<filter_taps> triangle_filter(std::int64_t source, std::int64_t target) {
  const double ratio = static_cast<double>(source) / static_cast<double>(target);
  const double radius = std::max(1.0, ratio);
  std::vector<filter_taps> taps(static_cast<std::size_t>(target));
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * ratio - 0.5;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(centre - radius)));
    const auto last = std::min<std::int64_t>(source - 1, static_cast<std::int64_t>(std::floor(centre + radius)));
    taps[i].first = static_cast<std::size_t>(first);
    double sum = 0;
    for (std::int64_t at = first; at <= last; ++at) {
      const double weight = std::max(0.0, 1.0 - std::abs(static_cast<double>(at) - centre) / radius);
      taps[i].weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps[i].weights) weight = static_cast<float>(static_cast<double>(weight) / sum);
  }
  return taps;
}

/// Adds `weight` times one row of pixels to `row`, with the channels that the model takes.
void add_row(std::span<const std::uint8_t> pixels, std::size_t channels, float weight, std::size_t channels_wanted,
             std::vector<float>& row) {
  const std::size_t width = pixels.size() / channels;
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint8_t* pixel = &pixels[x * channels];
    if (channels_wanted == channels) {
      for (std::size_t c = 0; c < channels; ++c) row[x * channels + c] += weight * static_cast<float>(pixel[c]);
    } else if (channels_wanted == 1) {
      float grey = 0;
      for (std::size_t c = 0; c < 3; ++c) grey += luma[c] * static_cast<float>(pixel[c]);
      row[x] += weight * grey;
    } else {
      for (std::size_t c = 0; c < 3; ++c) row[x * 3 + c] += weight * static_cast<float>(pixel[0]);
    }
  }
}

result<void> check(const tensor& picture, const image_layout& layout) {
  const shape& dims = picture.dims();
  if (picture.type() != dtype::u8 || dims.rank() != 3 || (dims[2] != 1 && dims[2] != 3) || dims.elements() == 0)
    return fail(errc::invalid_argument, "a tensor {} is no picture; uint8[height,width,1 or 3] is", picture.describe());
  if (layout.channels != 1 && layout.channels != 3)
    return fail(errc::invalid_argument, "a model input of {} channels cannot be made from a picture; 1 or 3 can",
                layout.channels);
  const auto pixels_max = static_cast<std::int64_t>(limits::image_pixels_max);
  if (layout.height < 1 || layout.width < 1 || layout.height > pixels_max / layout.width)
    return fail(errc::invalid_argument, "a model input of {} x {} pixels is not possible; 1 to {} in all are",
                layout.height, layout.width, pixels_max);
  for (const auto* values : {&layout.mean, &layout.standard_deviation})
    if (values->size() != 1 && values->size() != static_cast<std::size_t>(layout.channels))
      return fail(errc::invalid_argument, "{} means or deviations are given for {} channels; give 1 or {}",
                  values->size(), layout.channels, layout.channels);
  for (const float deviation : layout.standard_deviation)
    if (!std::isfinite(1.0f / deviation))
      return fail(errc::invalid_argument, "the standard deviation {} cannot be divided by", deviation);
  return {};
}

}  // namespace

result<tensor> to_model_input(const tensor& picture, const image_layout& layout) try {
  TROUPE_CHECK(check(picture, layout));
  const auto channels = static_cast<std::size_t>(picture.dims()[2]);
  const auto wanted = static_cast<std::size_t>(layout.channels);
  const auto row_pixels = static_cast<std::size_t>(picture.dims()[1]);
  const auto height = static_cast<std::size_t>(layout.height), width = static_cast<std::size_t>(layout.width);
  const shape dims = layout.channels_last ? shape{1, layout.height, layout.width, layout.channels}
                                          : shape{1, layout.channels, layout.height, layout.width};
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype::f32, dims));
  const auto target = made.as_mutable<float>();
  const auto source = picture.as<std::uint8_t>();
  const auto down = triangle_filter(picture.dims()[0], layout.height);
  const auto across = triangle_filter(picture.dims()[1], layout.width);

  // Rows first: whatever the picture's proportions, no more than one of its rows is held as floats.
  std::vector<float> row(row_pixels * wanted);
  for (std::size_t y = 0; y < height; ++y) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t i = 0; i < down[y].weights.size(); ++i)
      add_row(source.subspan((down[y].first + i) * row_pixels * channels, row_pixels * channels), channels,
              down[y].weights[i], wanted, row);
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t c = 0; c < wanted; ++c) {
        float value = 0;
        for (std::size_t i = 0; i < across[x].weights.size(); ++i)
          value += across[x].weights[i] * row[(across[x].first + i) * wanted + c];
        const float mean = layout.mean[layout.mean.size() == 1 ? 0 : c];
        const float deviation = layout.standard_deviation[layout.standard_deviation.size() == 1 ? 0 : c];
        const std::size_t at = layout.channels_last ? (y * width + x) * wanted + c : (c * height + y) * width + x;
        target[at] = (value * layout.scale - mean) / deviation;
      }
    }
  }
  return made;
} catch (const std::bad_alloc&) {
  return fail(errc::out_of_memory, "the host has no memory to resize a picture {}", picture.describe());
}

}  // namespace troupe
