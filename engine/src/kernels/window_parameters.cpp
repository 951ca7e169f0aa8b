#include "kernels/window_parameters.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<window_parameters> window_parameters_of(const node& step, const sliding_window& window) {
  constexpr std::int64_t reach_max = (std::int64_t{1} << 31) - 1;
  window_parameters made{};
  for (std::size_t axis = 0; axis < sliding_window::axes; ++axis) {
    // What nothing is multiplied with does not matter, however large the model made it.
    const std::int64_t stride = window.output[axis] == 1 ? 1 : window.stride[axis];
    const std::int64_t dilation = window.kernel[axis] == 1 ? 1 : window.dilation[axis];
    // A bound on every position that a tap can name.
    const std::int64_t reach = window.output[axis] * stride + window.kernel[axis] * dilation;
    if (reach > reach_max || window.pad_begin[axis] > reach_max)
      return fail(errc::unsupported, "the windows of {} reach position {}; a device counts to {}", step.describe(),
                  reach, reach_max);
    const auto narrow = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
    made.input[axis] = narrow(window.input[axis]);
    made.output[axis] = narrow(window.output[axis]);
    made.kernel[axis] = narrow(window.kernel[axis]);
    made.stride[axis] = narrow(stride);
    made.dilation[axis] = narrow(dilation);
    made.pad[axis] = narrow(window.pad_begin[axis]);
  }
  return made;
}

}  // namespace troupe
