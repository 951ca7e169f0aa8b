// The one place that knows stb_image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace troupe {

/// Pixels of a PNG, JPEG, BMP or PNM file, or why there are none.
struct decoded_pixels {
  int width = 0, height = 0;
  int channels = 0;  ///< of the file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  std::shared_ptr<const std::byte> pixels;
  std::string problem;
};

/// Width, height and channels from the file's header, without pixels.
decoded_pixels read_header(std::span<const std::byte> file);

/// The pixels with 1 or 3 channels of 8 bits; `pixels` is null on failure.
decoded_pixels decode(std::span<const std::byte> file, int channels_wanted);

}  // namespace troupe
