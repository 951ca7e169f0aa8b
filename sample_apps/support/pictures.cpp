#include "pictures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <numeric>

namespace troupe::sample {
namespace {

constexpr std::array picture_endings{".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".pnm"};

error bad(std::string message) {
  return error(errc::invalid_argument, std::move(message));
}

std::string text_of(const value_info& input) {
  std::vector<std::string> extents;
  for (const dimension& extent : input.dims.value_or(std::vector<dimension>{}))
    extents.push_back(extent.extent >= 0      ? fmt::format("{}", extent.extent)
                      : extent.symbol.empty() ? "?"
                                              : extent.symbol);
  return fmt::format("\"{}\" [{}]", input.name, fmt::join(extents, ","));
}

result<float> parse_number(const std::string& text, std::string_view what) {
  // std::from_chars for float exists from GCC 11 on, and unlike strtof it does not depend on the host's locale.
  float number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size() || !std::isfinite(number))
    return bad(fmt::format("{} is \"{}\", which is not a number", what, text));
  return number;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    std::string part = text.substr(begin, end - begin);
    while (!part.empty() && (part.back() == '\r' || part.back() == ' ')) part.pop_back();
    while (!part.empty() && part.front() == ' ') part.erase(part.begin());
    parts.push_back(std::move(part));
    begin = end + 1;
  }
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

using metadata_map = std::map<std::string, std::string>;

const std::string* find(const metadata_map& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

result<std::vector<float>> numbers(const std::optional<std::vector<float>>& given, const metadata_map& metadata,
                                   const char* key, float fallback, std::int64_t channels) {
  std::vector<float> values{fallback};
  if (given) {
    values = *given;
  } else if (const std::string* note = find(metadata, key)) {
    values.clear();
    for (const std::string& part : split(*note, ',')) {
      TROUPE_TRY(const float number, parse_number(part, fmt::format("the model's metadata {}", key)));
      values.push_back(number);
    }
  }
  if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels))
    return bad(fmt::format("{} has {} values for an input of {} channels; give one, or one a channel",
                           given ? fmt::format("--{}", key + 6) : key, values.size(), channels));
  return values;
}

struct extents {
  std::int64_t height, width;
};

result<extents> parse_size(const std::string& text) {
  const auto parts = split(text, 'x');
  extents parsed{0, 0};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::int64_t& extent = i == 0 ? parsed.height : parsed.width;
    const auto [end, status] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), extent);
    if (status != std::errc{} || end != parts[i].data() + parts[i].size()) extent = 0;
  }
  if (parts.size() == 1) parsed.width = parsed.height;
  if (parts.empty() || parts.size() > 2 || parsed.height < 1 || parsed.width < 1)
    return bad(fmt::format("the size \"{}\" is not HEIGHTxWIDTH, such as 224x224", text));
  return parsed;
}

bool is_channels(std::int64_t extent) {
  return extent == 1 || extent == 3;
}

result<bool> channels_last(const value_info& input, const picture_options& options, const metadata_map& metadata) {
  std::string layout;
  if (options.layout) {
    layout = *options.layout;
  } else if (const std::string* note = find(metadata, "input_layout")) {
    layout = *note;
  }
  if (!layout.empty()) {
    if (layout != "NCHW" && layout != "NHWC") return bad(fmt::format("the layout \"{}\" is not NCHW or NHWC", layout));
    return layout == "NHWC";
  }
  const bool first = is_channels((*input.dims)[1].extent);
  const bool last = is_channels((*input.dims)[3].extent);
  if (first == last)
    return bad(
        fmt::format("the input {} does not show where its channels are; give --layout NCHW or NHWC", text_of(input)));
  return last;
}

}  // namespace

result<picture_input> picture_input_of(std::span<const value_info> inputs, const metadata_map& metadata,
                                       const picture_options& options) {
  if (inputs.size() != 1)
    return bad(fmt::format("the model has {} inputs; pictures can be given to a model with one", inputs.size()));
  const value_info& input = inputs[0];
  const std::size_t rank = input.dims ? input.dims->size() : 0;
  if (rank != 3 && rank != 4)
    return bad(fmt::format("the input {} does not take pictures, [batch,channels,height,width] in some order",
                           text_of(input)));

  picture_input made;
  made.type = input.type_known ? input.type : dtype::f32;
  made.without_channels = rank == 3;
  const auto& dims = *input.dims;
  if (dims[0].extent >= 0) made.batch = dims[0].extent;
  if (made.batch == 0) return bad(fmt::format("the input {} takes no pictures at all", text_of(input)));

  std::size_t height_axis = 1, width_axis = 2;
  made.layout.channels = 1;
  if (rank == 4) {
    TROUPE_TRY(made.layout.channels_last, channels_last(input, options, metadata));
    const std::int64_t channels = dims[made.layout.channels_last ? 3 : 1].extent;
    made.layout.channels = channels;
    if (channels < 0) {
      const std::string* color = find(metadata, "input_color");
      made.layout.channels = color && *color == "grayscale" ? 1 : 3;
    } else if (!is_channels(channels)) {
      return bad(fmt::format("the input {} has {} channels; pictures have 1 or 3", text_of(input), channels));
    }
    height_axis = made.layout.channels_last ? 1 : 2;
    width_axis = height_axis + 1;
  }

  extents size{dims[height_axis].extent, dims[width_axis].extent};
  const std::string* size_note = find(metadata, "input_size");
  if (options.size || ((size.height < 0 || size.width < 0) && size_note)) {
    TROUPE_TRY(const extents wanted, parse_size(options.size ? *options.size : *size_note));
    if ((size.height >= 0 && size.height != wanted.height) || (size.width >= 0 && size.width != wanted.width))
      return bad(fmt::format("the size {}x{} does not fit the input {}", wanted.height, wanted.width, text_of(input)));
    size = wanted;
  }
  if (size.height < 0 || size.width < 0)
    return bad(fmt::format("the input {} leaves the size of pictures open; give --size HEIGHTxWIDTH", text_of(input)));
  if (size.height == 0 || size.width == 0) return bad(fmt::format("the input {} has no pixels", text_of(input)));
  made.layout.height = size.height;
  made.layout.width = size.width;

  // Integer inputs take the pixels as they are.
  made.layout.scale = is_float(made.type) ? 1.0f / 255.0f : 1.0f;
  if (options.scale) {
    made.layout.scale = *options.scale;
  } else if (const std::string* note = find(metadata, "input_scale")) {
    TROUPE_TRY(made.layout.scale, parse_number(*note, "the model's metadata input_scale"));
  }
  TROUPE_TRY(made.layout.mean, numbers(options.mean, metadata, "input_mean", 0.0f, made.layout.channels));
  TROUPE_TRY(made.layout.standard_deviation,
             numbers(options.deviation, metadata, "input_std", 1.0f, made.layout.channels));
  for (const float deviation : made.layout.standard_deviation)
    if (!(deviation > 0)) return bad(fmt::format("the standard deviation {} is not above 0", deviation));
  return made;
}

result<tensor> read_picture(const std::filesystem::path& file, const picture_input& input) {
  TROUPE_TRY(const tensor picture, read_image(file));
  TROUPE_TRY(tensor data, to_model_input(picture, input.layout));
  if (input.without_channels) {
    TROUPE_TRY(data, data.reshaped({1, input.layout.height, input.layout.width}));
  }
  if (input.type == dtype::f32) return data;
  if (!is_float(input.type))
    for (float& element : data.as_mutable<float>()) element = std::nearbyint(element);  // conversion would truncate
  return convert(data, input.type);
}

result<std::vector<std::filesystem::path>> expand_pictures(std::span<const std::string> arguments) {
  std::vector<std::filesystem::path> files;
  for (const std::string& argument : arguments) {
    std::error_code status;
    if (!std::filesystem::is_directory(argument, status)) {
      files.emplace_back(argument);
      continue;
    }
    std::vector<std::filesystem::path> found;
    std::filesystem::directory_iterator entry(argument, status);
    for (; !status && entry != std::filesystem::directory_iterator(); entry.increment(status)) {
      std::string ending = entry->path().extension().string();
      std::transform(ending.begin(), ending.end(), ending.begin(),
                     [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
      if (std::find(picture_endings.begin(), picture_endings.end(), ending) != picture_endings.end())
        found.push_back(entry->path());
    }
    if (status) return bad(fmt::format("the folder {} cannot be read: {}", argument, status.message()));
    if (found.empty()) return bad(fmt::format("the folder {} holds no pictures (PNG, JPEG, BMP or PNM)", argument));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

result<std::vector<std::string>> read_labels(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return bad(fmt::format("the label file {} cannot be read", file.string()));
  auto labels = split(text, '\n');
  if (labels.empty()) return bad(fmt::format("the label file {} is empty; it has one label a line", file.string()));
  return labels;
}

std::vector<std::string> labels_of(const metadata_map& metadata) {
  const std::string* note = find(metadata, "labels");
  if (!note) return {};
  return split(*note, note->find('\n') != std::string::npos ? '\n' : ',');
}

std::string label_in_name(const std::filesystem::path& file) {
  const std::string stem = file.stem().string();
  const std::size_t mark = stem.find_last_of("_-");
  return mark == std::string::npos ? std::string() : stem.substr(mark + 1);
}

std::vector<float> probabilities(std::span<const float> scores) {
  std::vector<float> made(scores.begin(), scores.end());
  if (made.empty()) return made;
  const double sum = std::accumulate(made.begin(), made.end(), 0.0);
  // fp16 outputs of a softmax sum to 1 within the rounding of each.
  if (std::all_of(made.begin(), made.end(), [](float score) { return score >= 0; }) && std::abs(sum - 1) < 5e-3)
    return made;
  const float top = *std::max_element(made.begin(), made.end());
  double total = 0;
  for (float& score : made) total += score = std::exp(score - top);
  for (float& score : made) score = static_cast<float>(score / total);
  return made;
}

std::vector<std::size_t> largest(std::span<const float> values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  // A NaN ranks below everything: an order must stay an order.
  const auto rank = [&](std::size_t i) { return std::isnan(values[i]) ? -HUGE_VALF : values[i]; };
  const auto greater = [&](std::size_t a, std::size_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), greater);
  order.resize(count);
  return order;
}

}  // namespace troupe::sample
