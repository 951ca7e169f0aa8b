#include "kernels/reduction.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> reduce_mean_reference(reference_context& context) {
  const shape& dims = context.input(0).dims();
  std::vector<std::int64_t> axes;
  if (context.has_input(1)) {
    TROUPE_TRY(axes, context.input_ints(1));
  } else {
    axes = context.step().ints_or("axes", {});
  }
  TROUPE_TRY(const reduction plan, reduction_of(context.step(), dims, axes));
  TROUPE_TRY(const auto input, context.input_floats(0));
  if (plan.keeps_all) return context.set_output_floats(0, input);

  const auto steps = dims.strides();
  std::vector<double> sums(context.output(0).elements(), 0.0);
  for (std::size_t i = 0; i < input.size(); ++i) {
    std::int64_t target = 0;
    for (std::size_t axis = 0; axis < dims.rank(); ++axis)
      if (!plan.reduced[axis]) target = target * dims[axis] + static_cast<std::int64_t>(i) / steps[axis] % dims[axis];
    sums[static_cast<std::size_t>(target)] += input[i];
  }
  std::vector<float> values;
  for (const double sum : sums) values.push_back(static_cast<float>(sum / static_cast<double>(plan.length)));
  return context.set_output_floats(0, values);
}

result<void> global_average_pool_reference(reference_context& context) {
  TROUPE_TRY(const auto input, context.input_floats(0));
  std::vector<float> values(context.output(0).elements());
  const std::size_t plane = values.empty() ? 0 : input.size() / values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < plane; ++k) sum += input[i * plane + k];
    values[i] = static_cast<float>(sum / static_cast<double>(plane));
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
