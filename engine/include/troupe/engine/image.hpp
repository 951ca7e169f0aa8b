// Pictures to tensors.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// A decoded picture: u8 tensor [height, width, channels], channels 1 (grey) or 3 (RGB).
/// Reads PNG, JPEG, BMP and PNM up to `limits::image_pixels_max`; the error names the file.
result<tensor> read_image(const std::filesystem::path& file);
/// The same from memory.
result<tensor> parse_image(std::span<const std::byte> bytes);

/// How pixels become a model's input.
struct image_layout {
  std::int64_t channels = 3;  ///< 1 or 3; grey and RGB are converted into one another (ITU-R BT.601 weights)
  std::int64_t height = 224;
  std::int64_t width = 224;
  bool channels_last = false;                   ///< [height, width, channels] instead of [channels, height, width]
  float scale = 1.0f / 255.0f;                  ///< applied to the 0..255 value first
  std::vector<float> mean{0.0f};                ///< subtracted after scaling; one value or one a channel
  std::vector<float> standard_deviation{1.0f};  ///< divided by, after that
};

/// float32 [1, ...] in the given layout. Resizes with a bilinear filter (widened when shrinking, so that nothing is
/// skipped).
result<tensor> to_model_input(const tensor& picture, const image_layout& layout);

}  // namespace troupe
