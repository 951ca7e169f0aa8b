#include "kernels/conv.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<conv_shape> conv_shape_of(const node& step, const shape& input, const shape& weights) {
  if (weights.rank() != input.rank() || input.rank() < 3)
    return fail(errc::invalid_argument, "{} has the input {} and weights {}; both must be [., ., spatial...]",
                step.describe(), input.to_string(), weights.to_string());
  conv_shape made;
  made.batch = input[0];
  made.groups = step.int_or("group", 1);
  if (made.groups < 1 || input[1] % made.groups != 0 || weights[0] % made.groups != 0)
    return fail(errc::invalid_argument, "{} has {} groups, which do not divide {} input and {} output channels",
                step.describe(), made.groups, input[1], weights[0]);
  made.group_inputs = input[1] / made.groups;
  made.group_outputs = weights[0] / made.groups;
  if (weights[1] != made.group_inputs)
    return fail(errc::invalid_argument, "the weights {} of {} take {} channels; the input {} has {} in each group",
                weights.to_string(), step.describe(), weights[1], input.to_string(), made.group_inputs);
  const auto kernel = weights.extents().subspan(2);
  TROUPE_TRY(const auto stated, list_attribute(step, "kernel_shape", {kernel.begin(), kernel.end()}));
  if (!std::equal(stated.begin(), stated.end(), kernel.begin(), kernel.end()))
    return fail(errc::invalid_argument, "kernel_shape [{}] of {} contradicts its weights {}", fmt::join(stated, ","),
                step.describe(), weights.to_string());
  TROUPE_TRY(made.window, sliding_window_of(step, input, kernel));
  return made;
}

}  // namespace troupe
