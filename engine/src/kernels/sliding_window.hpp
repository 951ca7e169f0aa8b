// The sliding window that Conv, MaxPool and AveragePool share: attributes are checked here, once.
#pragma once

#include <array>
#include <span>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Where a window of taps lies over the spatial axes of [N, C, spatial...]. There are always three axes, outermost
/// first: fewer in the model means leading axes of extent 1, so 1-D, 2-D and 3-D operators are one piece of code.
/// Attributes are below 2^31 and `taps()` fits; `output_plane()` may be asked for once `output_shape` has succeeded.
struct sliding_window {
  static constexpr std::size_t axes = 3;
  using extents = std::array<std::int64_t, axes>;

  std::size_t rank = 0;  ///< spatial axes of the model, 1 to 3
  extents input{1, 1, 1};
  extents output{1, 1, 1};
  extents kernel{1, 1, 1};
  extents stride{1, 1, 1};
  extents dilation{1, 1, 1};
  extents pad_begin{0, 0, 0};
  extents pad_end{0, 0, 0};

  std::int64_t taps() const noexcept { return kernel[0] * kernel[1] * kernel[2]; }
  std::int64_t input_plane() const noexcept { return input[0] * input[1] * input[2]; }
  std::int64_t output_plane() const noexcept { return output[0] * output[1] * output[2]; }
  /// Position in the input of one tap of one output; outside [0, input) means padding.
  std::int64_t source(std::size_t axis, std::int64_t out, std::int64_t tap) const noexcept {
    return out * stride[axis] - pad_begin[axis] + tap * dilation[axis];
  }
  /// True when output positions are input positions: one tap, no stride, no padding.
  bool is_pointwise() const noexcept;
  /// [batch, channels, the model's output extents...].
  result<shape> output_shape(std::int64_t batch, std::int64_t channels) const;
};

/// Reads strides, dilations, pads, auto_pad and ceil_mode of `step` for an input of shape `source` and a kernel of
/// these extents. The error names the attribute and its value.
result<sliding_window> sliding_window_of(const node& step, const shape& source, std::span<const std::int64_t> kernel);

/// The list attribute `key`, or `fallback` when it is absent; an error when it is not a list of integers.
result<std::vector<std::int64_t>> list_attribute(const node& step, std::string_view key,
                                                 std::vector<std::int64_t> fallback);

}  // namespace troupe
