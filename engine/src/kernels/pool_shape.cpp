#include "kernels/pool.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<pool_shape> pool_shape_of(const node& step, const shape& input) {
  TROUPE_TRY(const auto kernel, list_attribute(step, "kernel_shape", {}));
  if (kernel.empty()) return fail(errc::invalid_argument, "{} lacks the attribute kernel_shape", step.describe());
  pool_shape made;
  TROUPE_TRY(made.window, sliding_window_of(step, input, kernel));
  const sliding_window& window = made.window;
  for (std::size_t axis = 0; axis < sliding_window::axes; ++axis) {
    const std::int64_t span = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
    if (window.pad_begin[axis] >= span || window.pad_end[axis] >= span)
      return fail(errc::invalid_argument, "{} pads an axis by {} and {}; less than the kernel's {} is needed",
                  step.describe(), window.pad_begin[axis], window.pad_end[axis], span);
  }
  made.planes = input.elements(0, 2);
  return made;
}

result<void> infer_global_pool(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  const shape& dims = context.input_dims(0);
  if (dims.rank() < 2)
    return fail(errc::invalid_argument, "the operand {} of {} lacks channels; it must be [N, C, spatial...]",
                dims.to_string(), context.step().describe());
  std::vector<std::int64_t> output(dims.rank(), 1);
  output[0] = dims[0];
  output[1] = dims[1];
  TROUPE_TRY(const shape output_dims, shape::make(output));
  context.set_output(0, context.input_type(0), output_dims);
  return {};
}

std::int64_t padded_taps(const sliding_window& window, const sliding_window::extents& at) {
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis < sliding_window::axes; ++axis) {
    // A window that hangs over the padding (ceil_mode) counts what lies before its end.
    const std::int64_t room = window.input[axis] + window.pad_end[axis] - window.source(axis, at[axis], 0);
    product *= std::min(window.kernel[axis], (room + window.dilation[axis] - 1) / window.dilation[axis]);
  }
  return product;
}

}  // namespace troupe
