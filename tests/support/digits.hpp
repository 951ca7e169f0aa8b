// The repository's own trained network and some of its held-out images, for tests of the whole.
#pragma once

#include <filesystem>

#include "support/check.hpp"
#include "troupe/engine/image.hpp"
#include "troupe/engine/onnx_import.hpp"

namespace troupe::test {

inline std::filesystem::path digits_folder() {
  return std::filesystem::path(TROUPE_SOURCE_DIR) / "sample_apps" / "models";
}

inline graph digits_network() {
  return need(import_onnx(digits_folder() / "digits.onnx"));
}

/// The first `count` held-out images by name, as one batch, repeated when there are fewer.
inline tensor digits_batch(std::size_t count) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(digits_folder() / "held_out")) files.push_back(entry);
  std::sort(files.begin(), files.end());
  const image_layout layout{.channels = 1, .height = 8, .width = 8};
  std::vector<tensor> images;
  for (std::size_t i = 0; i < count; ++i)
    images.push_back(need(to_model_input(need(read_image(files[i % files.size()])), layout)));
  return need(concat_rows(images));
}

}  // namespace troupe::test
