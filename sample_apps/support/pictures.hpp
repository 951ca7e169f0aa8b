// From picture files to the input of an image classifier, and from its output to classes.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/image.hpp"

namespace troupe::sample {

/// What a user may say about the input; what is absent comes from the model's metadata (`input_layout`, `input_scale`,
/// `input_mean`, `input_std`, `input_size`), then from its declared shape.
struct picture_options {
  std::optional<std::string> layout;       ///< "NCHW" or "NHWC"
  std::optional<std::vector<float>> mean;  ///< one value or one a channel
  std::optional<std::vector<float>> deviation;
  std::optional<float> scale;
  std::optional<std::string> size;  ///< "HEIGHTxWIDTH" or one number for both
};

/// How pictures enter a given model.
struct picture_input {
  image_layout layout;
  dtype type = dtype::f32;
  std::optional<std::int64_t> batch;  ///< when the model takes this number of pictures and no other
  bool without_channels = false;      ///< the model takes [batch, height, width]
};

/// The error says what is missing and which option supplies it.
result<picture_input> picture_input_of(std::span<const value_info> inputs,
                                       const std::map<std::string, std::string>& metadata,
                                       const picture_options& options = {});

/// Decodes a file into [1, ...] of the model's type.
result<tensor> read_picture(const std::filesystem::path& file, const picture_input& input);

/// Folders become the pictures in them, sorted by name. The error names what is neither.
result<std::vector<std::filesystem::path>> expand_pictures(std::span<const std::string> arguments);

/// One label a line.
result<std::vector<std::string>> read_labels(const std::filesystem::path& file);
/// From the metadata key `labels`, separated by newlines or commas; empty when there is none.
std::vector<std::string> labels_of(const std::map<std::string, std::string>& metadata);
/// What a file's name says that it shows: the text after the last `_` or `-` of its stem; empty when there is none.
std::string label_in_name(const std::filesystem::path& file);

/// The scores themselves when they are a distribution already (not negative, sum 1), otherwise their softmax.
std::vector<float> probabilities(std::span<const float> scores);
/// Positions of the `count` largest values, largest first; of equal ones the first.
std::vector<std::size_t> largest(std::span<const float> values, std::size_t count);

}  // namespace troupe::sample
