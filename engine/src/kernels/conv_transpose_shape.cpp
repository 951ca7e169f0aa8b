#include <algorithm>

#include "kernels/conv_transpose.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Bounds every number, so that the arithmetic below stays inside 64 bits.
constexpr std::int64_t extent_max = (std::int64_t{1} << 30) - 1;

result<std::vector<std::int64_t>> read_list(const node& step, std::string_view key, std::size_t count,
                                            std::int64_t fallback, std::int64_t least) {
  TROUPE_TRY(auto values, list_attribute(step, key, std::vector<std::int64_t>(count, fallback)));
  if (values.size() != count)
    return fail(errc::invalid_argument, "{} of {} has {} numbers; {} are needed", key, step.describe(), values.size(),
                count);
  for (const std::int64_t value : values)
    if (value < least || value > extent_max)
      return fail(errc::invalid_argument, "{} of {} holds {}; {} to {} are allowed", key, step.describe(), value, least,
                  extent_max);
  return values;
}

struct axis_lists {
  std::vector<std::int64_t> strides, dilations, pads, output_padding, output_shape;
};

result<axis_lists> read_lists(const node& step, std::size_t rank) {
  axis_lists made;
  TROUPE_TRY(made.strides, read_list(step, "strides", rank, 1, 1));
  TROUPE_TRY(made.dilations, read_list(step, "dilations", rank, 1, 1));
  TROUPE_TRY(made.pads, read_list(step, "pads", 2 * rank, 0, 0));
  TROUPE_TRY(made.output_padding, read_list(step, "output_padding", rank, 0, 0));
  if (step.has("output_shape")) {
    // Some exporters list the batch and the channels as well.
    const auto* listed = step.ints("output_shape");
    if (listed && listed->size() == rank + 2) {
      made.output_shape.assign(listed->begin() + 2, listed->end());
      for (const std::int64_t extent : made.output_shape)
        if (extent < 1 || extent > extent_max)
          return fail(errc::invalid_argument, "output_shape of {} holds {}; 1 to {} are allowed", step.describe(),
                      extent, extent_max);
    } else {
      TROUPE_TRY(made.output_shape, read_list(step, "output_shape", rank, 1, 1));
    }
  }
  return made;
}

}  // namespace

result<conv_transpose_shape> conv_transpose_shape_of(const node& step, const shape& input, const shape& weights) {
  if (weights.rank() != input.rank() || input.rank() < 3)
    return fail(errc::invalid_argument, "{} has the input {} and weights {}; both must be [., ., spatial...]",
                step.describe(), input.to_string(), weights.to_string());
  const std::size_t rank = input.rank() - 2;
  if (rank > sliding_window::axes)
    return fail(errc::unsupported, "{} has {} spatial axes; at most {} are supported", step.describe(), rank,
                sliding_window::axes);
  conv_transpose_shape made;
  made.batch = input[0];
  made.groups = step.int_or("group", 1);
  if (made.groups < 1 || weights[0] != input[1] || input[1] % made.groups != 0)
    return fail(errc::invalid_argument, "{} has {} groups, weights {} and {} input channels, which do not fit",
                step.describe(), made.groups, weights.to_string(), input[1]);
  made.group_inputs = input[1] / made.groups;
  made.group_outputs = weights[1];
  const auto kernel = weights.extents().subspan(2);
  TROUPE_TRY(const auto stated, list_attribute(step, "kernel_shape", {kernel.begin(), kernel.end()}));
  if (!std::equal(stated.begin(), stated.end(), kernel.begin(), kernel.end()))
    return fail(errc::invalid_argument, "kernel_shape [{}] of {} contradicts its weights {}", fmt::join(stated, ","),
                step.describe(), weights.to_string());
  TROUPE_TRY(const axis_lists lists, read_lists(step, rank));
  const std::string padding = step.string_or("auto_pad", "NOTSET");
  const bool same = padding == "SAME_UPPER" || padding == "SAME_LOWER";
  if (!same && padding != "NOTSET" && padding != "VALID" && !padding.empty())
    return fail(errc::invalid_argument, "auto_pad of {} is \"{}\"; NOTSET, SAME_UPPER, SAME_LOWER or VALID are known",
                step.describe(), padding);

  sliding_window& window = made.window;
  window.rank = rank;
  if (made.group_outputs > limits::elements_max / made.groups)
    return fail(errc::invalid_argument, "{} has {} groups of {} output channels", step.describe(), made.groups,
                made.group_outputs);
  std::vector<std::int64_t> output{input[0], made.groups * made.group_outputs};
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t axis = sliding_window::axes - rank + i;
    if (input[2 + i] < 1 || input[2 + i] > extent_max || kernel[i] < 1 || kernel[i] > extent_max)
      return fail(errc::invalid_argument, "{} has the input {} and weights {}; extents of 1 to {} are supported",
                  step.describe(), input.to_string(), weights.to_string(), extent_max);
    window.output[axis] = input[2 + i];
    window.kernel[axis] = kernel[i];
    window.stride[axis] = lists.strides[i];
    window.dilation[axis] = lists.dilations[i];
    // What the taps reach when nothing is cut off.
    const std::int64_t whole =
        (input[2 + i] - 1) * lists.strides[i] + (kernel[i] - 1) * lists.dilations[i] + 1 + lists.output_padding[i];
    std::int64_t extent = whole - lists.pads[i] - lists.pads[rank + i];
    std::int64_t before = lists.pads[i];
    if (padding == "VALID") {
      extent = whole;
      before = 0;
    }
    if (same || !lists.output_shape.empty()) {
      extent = lists.output_shape.empty() ? input[2 + i] * lists.strides[i] : lists.output_shape[i];
      const std::int64_t total = std::max<std::int64_t>(0, whole - extent);
      before = padding == "SAME_LOWER" ? total - total / 2 : total / 2;
    }
    if (extent < 1 || extent > limits::elements_max)
      return fail(errc::invalid_argument, "{} makes an axis of {} elements, of which its padding leaves {}",
                  step.describe(), whole, extent);
    window.input[axis] = extent;
    window.pad_begin[axis] = before;
    output.push_back(extent);
  }
  TROUPE_TRY(made.output, shape::make(output));
  return made;
}

}  // namespace troupe
