#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/axes.hpp"
#include "kernels/resize.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

enum class transformation { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, crop };

template <class Value>
struct choice {
  std::string_view name;
  Value value;
};

constexpr choice<resize_mode> modes[] = {
    {"nearest", resize_mode::nearest}, {"linear", resize_mode::linear}, {"cubic", resize_mode::cubic}};
constexpr choice<nearest_rounding> roundings[] = {{"round_prefer_floor", nearest_rounding::prefer_floor},
                                                  {"round_prefer_ceil", nearest_rounding::prefer_ceil},
                                                  {"floor", nearest_rounding::floor},
                                                  {"ceil", nearest_rounding::ceil}};
constexpr choice<transformation> transformations[] = {{"half_pixel", transformation::half_pixel},
                                                      {"half_pixel_symmetric", transformation::half_pixel_symmetric},
                                                      {"pytorch_half_pixel", transformation::pytorch_half_pixel},
                                                      {"align_corners", transformation::align_corners},
                                                      {"asymmetric", transformation::asymmetric},
                                                      {"tf_crop_and_resize", transformation::crop},
                                                      {"tf_half_pixel_for_nn", transformation::half_pixel}};

template <class Value, std::size_t Count>
result<Value> choose(const node& step, std::string_view key, std::string_view fallback,
                     const choice<Value> (&choices)[Count]) {
  const std::string asked = step.string_or(key, std::string(fallback));
  for (const auto& known : choices)
    if (known.name == asked) return known.value;
  return fail(errc::unsupported, "{} of {} is \"{}\", which Troupe does not know", key, step.describe(), asked);
}

/// A list of numbers that is operand `operand` (present and not empty) or attribute `name`.
result<std::vector<float>> read_floats(const node_view& view, std::string_view name, std::size_t operand) {
  if (view.has(operand)) {
    const tensor* data = view.value(operand);
    if (!data && view.dims(operand).elements() > 0)
      return fail(errc::unsupported, "{} of {} depend on values computed during the run", name, view.step().describe());
    if (!data || data->elements() == 0) return std::vector<float>();
    if (!is_float(data->type()) || data->dims().rank() != 1)
      return fail(errc::invalid_argument, "{} of {} is a tensor {}; a list of numbers is needed", name,
                  view.step().describe(), data->describe());
    TROUPE_TRY(const tensor wide, convert(*data, dtype::f32));
    const auto values = wide.as<float>();
    return std::vector<float>(values.begin(), values.end());
  }
  const auto found = view.step().attributes.find(name);
  if (found == view.step().attributes.end()) return std::vector<float>();
  if (const auto* values = std::get_if<std::vector<float>>(&found->second)) return *values;
  return fail(errc::invalid_argument, "the attribute {} of {} is not a list of numbers", name, view.step().describe());
}

class reader {
public:
  explicit reader(const node_view& view)
      : view_(view), step_(view.step()), dims_(view.dims(0)), is_resize_(step_.op == "Resize") {}

  result<resize_plan> read() {
    TROUPE_CHECK(read_attributes());
    TROUPE_CHECK(read_axes());
    TROUPE_CHECK(read_extents());
    TROUPE_CHECK(read_roi());
    std::vector<std::int64_t> extents(dims_.begin(), dims_.end());
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const axis_resize made = along(i);
      extents[made.axis] = made.output;
      if (!made.is_identity()) plan_.axes.push_back(made);
    }
    TROUPE_TRY(plan_.output, shape::make(extents));
    if (plan_.output.elements() > 0 && dims_.elements() == 0)
      return fail(errc::invalid_argument, "{} has nothing to interpolate in its operand {}", step_.describe(),
                  dims_.to_string());
    return std::move(plan_);
  }

private:
  bool has_transformations() const { return is_resize_ && step_.version >= 11; }

  result<void> read_attributes() {
    const std::string mode = step_.string_or("mode", "nearest");
    if (mode == "bilinear" || mode == "trilinear") {  // what some exporters wrote into an Upsample
      plan_.mode = resize_mode::linear;
    } else {
      TROUPE_TRY(plan_.mode, choose(step_, "mode", "nearest", modes));
    }
    if (!has_transformations()) {
      plan_.rounding = nearest_rounding::floor;
      transformation_ = transformation::asymmetric;
      return {};
    }
    TROUPE_TRY(plan_.rounding, choose(step_, "nearest_mode", "round_prefer_floor", roundings));
    TROUPE_TRY(transformation_, choose(step_, "coordinate_transformation_mode", "half_pixel", transformations));
    plan_.cubic_coefficient = step_.float_or("cubic_coeff_a", -0.75f);
    plan_.excludes_outside = step_.int_or("exclude_outside", 0) != 0;
    plan_.extrapolates = transformation_ == transformation::crop;
    plan_.extrapolation = step_.float_or("extrapolation_value", 0.0f);
    antialias_ = step_.int_or("antialias", 0) != 0 && plan_.mode != resize_mode::nearest;
    return {};
  }

  result<void> read_axes() {
    std::vector<std::int64_t> all(dims_.rank());
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::int64_t> listed = all;
    if (has_transformations() && step_.has("axes")) {
      const auto* given = step_.ints("axes");
      if (!given)
        return fail(errc::invalid_argument, "the attribute axes of {} is not a list of integers", step_.describe());
      listed = *given;
    }
    TROUPE_TRY(axes_, normalize_axes(step_, listed, dims_.rank()));
    return {};
  }

  result<void> read_extents() {
    const bool has_roi = has_transformations();
    TROUPE_TRY(scales_, read_floats(view_, "scales", has_roi ? 2 : 1));
    std::vector<std::int64_t> sizes;
    if (has_roi && view_.has(3) && view_.dims(3).elements() > 0) {
      TROUPE_TRY(const auto listed, view_.ints("sizes", 3));
      sizes = *listed;
    }
    if (scales_.empty() == sizes.empty() && !axes_.empty())
      return fail(errc::invalid_argument, "{} needs either scales or sizes, and has {}", step_.describe(),
                  sizes.empty() ? "neither" : "both");
    const std::size_t count = sizes.empty() ? scales_.size() : sizes.size();
    if (count != axes_.size())
      return fail(errc::invalid_argument, "{} has {} scales or sizes for {} axes", step_.describe(), count,
                  axes_.size());
    return sizes.empty() ? use_scales() : use_sizes(sizes);
  }

  result<void> use_scales() {
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const float extent = static_cast<float>(dims_[axes_[i]]) * scales_[i];
      if (!(scales_[i] > 0) || !(extent < static_cast<float>(limits::elements_max)))
        return fail(errc::invalid_argument, "{} scales an axis of {} by {}, which makes no extent", step_.describe(),
                    dims_[axes_[i]], scales_[i]);
      outputs_.push_back(static_cast<std::int64_t>(std::floor(extent)));
      exact_outputs_.push_back(extent);
    }
    return {};
  }

  result<void> use_sizes(std::vector<std::int64_t> sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] < 0 || sizes[i] > limits::elements_max || (dims_[axes_[i]] == 0 && sizes[i] > 0))
        return fail(errc::invalid_argument, "{} makes an axis of {} one of {}", step_.describe(), dims_[axes_[i]],
                    sizes[i]);
    TROUPE_CHECK(keep_aspect_ratio(sizes));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      scales_.push_back(static_cast<float>(sizes[i]) / static_cast<float>(std::max<std::int64_t>(1, dims_[axes_[i]])));
      exact_outputs_.push_back(static_cast<float>(sizes[i]));
    }
    outputs_ = std::move(sizes);
    return {};
  }

  result<void> keep_aspect_ratio(std::vector<std::int64_t>& sizes) const {
    const std::string policy = step_.string_or("keep_aspect_ratio_policy", "stretch");
    if (policy == "stretch" || sizes.empty()) return {};
    if (policy != "not_larger" && policy != "not_smaller")
      return fail(errc::invalid_argument,
                  "keep_aspect_ratio_policy of {} is \"{}\"; stretch, not_larger and not_smaller are known",
                  step_.describe(), policy);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      ratios.push_back(static_cast<double>(sizes[i]) / static_cast<double>(std::max<std::int64_t>(1, dims_[axes_[i]])));
    const double ratio = policy == "not_larger" ? *std::min_element(ratios.begin(), ratios.end())
                                                : *std::max_element(ratios.begin(), ratios.end());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const double extent = std::floor(ratio * static_cast<double>(dims_[axes_[i]]) + 0.5);
      if (!(extent <= static_cast<double>(limits::elements_max)))
        return fail(errc::invalid_argument, "{} makes an axis of {} one of {}", step_.describe(), dims_[axes_[i]],
                    extent);
      sizes[i] = static_cast<std::int64_t>(extent);
    }
    return {};
  }

  result<void> read_roi() {
    if (transformation_ != transformation::crop) return {};
    TROUPE_TRY(roi_, read_floats(view_, "roi", 1));
    if (roi_.size() != 2 * axes_.size())
      return fail(errc::invalid_argument, "the roi of {} has {} numbers; {} are needed", step_.describe(), roi_.size(),
                  2 * axes_.size());
    return {};
  }

  axis_resize along(std::size_t i) const {
    axis_resize made{.axis = axes_[i], .input = dims_[axes_[i]], .output = outputs_[i]};
    const float scale = scales_[i];
    const auto last = static_cast<float>(made.input - 1);
    // ONNX's "length_resized": not rounded down when it comes from a scale.
    const float length = exact_outputs_[i];
    made.filter_scale = antialias_ ? std::min(scale, 1.0f) : 1.0f;
    switch (transformation_) {
      case transformation::asymmetric: made.divisor = scale; break;
      case transformation::half_pixel_symmetric: {
        const float center = static_cast<float>(made.input) / 2;
        made.shift = 0.5f;
        made.divisor = scale;
        made.offset = center * (1 - static_cast<float>(made.output) / (scale * static_cast<float>(made.input))) - 0.5f;
        break;
      }
      case transformation::pytorch_half_pixel:
        if (made.output == 1) {
          made.factor = 0;
          break;
        }
        [[fallthrough]];
      case transformation::half_pixel:
        made.shift = 0.5f;
        made.divisor = scale;
        made.offset = -0.5f;
        break;
      case transformation::align_corners:
        made.factor = length > 1 ? last : 0;
        made.divisor = length > 1 ? length - 1 : 1;
        break;
      case transformation::crop: {
        const float begin = roi_[i], end = roi_[axes_.size() + i];
        made.factor = length > 1 ? (end - begin) * last : 0;
        made.divisor = length > 1 ? length - 1 : 1;
        made.offset = length > 1 ? begin * last : 0.5f * (begin + end) * last;
        break;
      }
    }
    // Along an axis that stays as it is every transformation but a crop finds each position at itself.
    if (made.input == made.output && transformation_ != transformation::crop && scale == 1)
      return {.axis = made.axis, .input = made.input, .output = made.output};
    return made;
  }

  const node_view& view_;
  const node& step_;
  const shape& dims_;
  bool is_resize_;
  bool antialias_ = false;
  transformation transformation_ = transformation::half_pixel;
  resize_plan plan_;
  std::vector<std::size_t> axes_;
  std::vector<float> scales_, exact_outputs_, roi_;
  std::vector<std::int64_t> outputs_;
};

}  // namespace

result<resize_plan> read_resize(const node_view& view) {
  return reader(view).read();
}

std::int64_t first_tap(const resize_plan& plan, const axis_resize& axis) {
  const float reach = plan.mode == resize_mode::cubic ? 2.0f : 1.0f;
  return static_cast<std::int64_t>(std::floor(-reach / axis.filter_scale)) + 1;
}

}  // namespace troupe
