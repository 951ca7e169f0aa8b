#include "kernels/sliding_window.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Bounds every number of a window, so that the arithmetic below stays inside 64 bits.
constexpr std::int64_t extent_max = (std::int64_t{1} << 31) - 1;

enum class padding { as_given, same_upper, same_lower, none };

result<padding> padding_of(const node& step) {
  const std::string name = step.string_or("auto_pad", "NOTSET");
  if (name == "NOTSET" || name.empty()) return padding::as_given;
  if (name == "SAME_UPPER") return padding::same_upper;
  if (name == "SAME_LOWER") return padding::same_lower;
  if (name == "VALID") return padding::none;
  return fail(errc::invalid_argument, "auto_pad of {} is \"{}\"; NOTSET, SAME_UPPER, SAME_LOWER or VALID are known",
              step.describe(), name);
}

result<void> check_list(const node& step, std::string_view key, std::span<const std::int64_t> values, std::size_t count,
                        std::int64_t least) {
  if (values.size() != count)
    return fail(errc::invalid_argument, "{} of {} has {} numbers; {} are needed", key, step.describe(), values.size(),
                count);
  for (const std::int64_t value : values)
    if (value < least || value > extent_max)
      return fail(errc::invalid_argument, "{} of {} holds {}; {} to {} are allowed", key, step.describe(), value, least,
                  extent_max);
  return {};
}

/// Windows along one axis whose padded input has `room` >= 0 positions more than the window.
std::int64_t count_windows(std::int64_t room, std::int64_t stride, bool round_up, std::int64_t last_start) {
  const std::int64_t floor_count = room / stride + 1;
  // Rounding up adds a window that hangs over the end, unless it would see nothing but the padding there.
  const bool one_more = round_up && room % stride != 0 && floor_count * stride < last_start;
  return one_more ? floor_count + 1 : floor_count;
}

}  // namespace

bool sliding_window::is_pointwise() const noexcept {
  return kernel == extents{1, 1, 1} && stride == extents{1, 1, 1} && output == input && pad_begin == extents{0, 0, 0};
}

result<shape> sliding_window::output_shape(std::int64_t batch, std::int64_t channels) const {
  std::vector<std::int64_t> dims{batch, channels};
  dims.insert(dims.end(), output.begin() + static_cast<std::ptrdiff_t>(axes - rank), output.end());
  return shape::make(dims);
}

result<std::vector<std::int64_t>> list_attribute(const node& step, std::string_view key,
                                                 std::vector<std::int64_t> fallback) {
  if (!step.has(key)) return fallback;
  if (const auto* given = step.ints(key)) return *given;
  return fail(errc::invalid_argument, "{} of {} is not a list of integers", key, step.describe());
}

result<sliding_window> sliding_window_of(const node& step, const shape& source, std::span<const std::int64_t> kernel) {
  if (source.rank() < 3)
    return fail(errc::invalid_argument, "the operand {} of {} lacks spatial axes; it must be [N, C, spatial...]",
                source.to_string(), step.describe());
  const std::size_t rank = source.rank() - 2;
  if (rank > sliding_window::axes)
    return fail(errc::unsupported, "{} has {} spatial axes; at most {} are supported", step.describe(), rank,
                sliding_window::axes);
  TROUPE_CHECK(check_list(step, "kernel_shape", kernel, rank, 1));
  TROUPE_TRY(const auto strides, list_attribute(step, "strides", std::vector<std::int64_t>(rank, 1)));
  TROUPE_CHECK(check_list(step, "strides", strides, rank, 1));
  TROUPE_TRY(const auto dilations, list_attribute(step, "dilations", std::vector<std::int64_t>(rank, 1)));
  TROUPE_CHECK(check_list(step, "dilations", dilations, rank, 1));
  TROUPE_TRY(const auto pads, list_attribute(step, "pads", std::vector<std::int64_t>(2 * rank, 0)));
  TROUPE_CHECK(check_list(step, "pads", pads, 2 * rank, 0));
  TROUPE_TRY(const padding mode, padding_of(step));
  const bool round_up = step.int_or("ceil_mode", 0) != 0;

  sliding_window made;
  made.rank = rank;
  std::int64_t taps = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t axis = sliding_window::axes - rank + i;
    const std::int64_t input = source[2 + i];
    if (input > extent_max)
      return fail(errc::unsupported, "the operand {} of {} has an extent above {}", source.to_string(), step.describe(),
                  extent_max);
    const std::int64_t span = (kernel[i] - 1) * dilations[i] + 1;
    if (span > extent_max || kernel[i] > limits::elements_max / taps)
      return fail(errc::invalid_argument, "the kernel of {} spans {} positions along axis {}; at most {} are supported",
                  step.describe(), span, i, extent_max);
    taps *= kernel[i];

    made.input[axis] = input;
    made.kernel[axis] = kernel[i];
    made.stride[axis] = strides[i];
    made.dilation[axis] = dilations[i];
    if (mode == padding::same_upper || mode == padding::same_lower) {
      made.output[axis] = (input + strides[i] - 1) / strides[i];
      const std::int64_t total = std::max<std::int64_t>(0, (made.output[axis] - 1) * strides[i] + span - input);
      const std::int64_t less = total / 2;
      made.pad_begin[axis] = mode == padding::same_upper ? less : total - less;
      made.pad_end[axis] = total - made.pad_begin[axis];
    } else {
      if (mode == padding::as_given) {
        made.pad_begin[axis] = pads[i];
        made.pad_end[axis] = pads[rank + i];
      }
      const std::int64_t room = input + made.pad_begin[axis] + made.pad_end[axis] - span;
      if (room < 0 || input == 0)
        return fail(errc::invalid_argument,
                    "the kernel of {} spans {} positions along axis {}; the padded input has {}", step.describe(), span,
                    i, room + span);
      made.output[axis] = count_windows(room, strides[i], round_up, input + made.pad_begin[axis]);
    }
  }
  return made;
}

}  // namespace troupe
