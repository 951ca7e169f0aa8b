#include "kernels/group_normalization.hpp"

#include "reference/row_statistics.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> group_normalization_reference(reference_context& context) {
  TROUPE_TRY(const auto plan, group_normalization_of(context.step(), context.input(0).dims()));
  TROUPE_TRY(auto values, context.input_floats(0));
  TROUPE_TRY(const auto scale, context.input_floats(1));
  TROUPE_TRY(const auto offset, context.input_floats(2));
  const double epsilon = context.step().float_or("epsilon", 1e-5f);
  const auto positions = static_cast<std::size_t>(plan.positions);
  const auto group_channels = static_cast<std::size_t>(plan.channels / std::max<std::int64_t>(1, plan.groups));
  const std::size_t length = group_channels * positions;
  for (std::size_t row = 0; length > 0 && row < values.size() / length; ++row) {
    const std::span<float> elements = std::span(values).subspan(row * length, length);
    const row_statistics found = statistics_of(elements, epsilon, true);
    const std::size_t group = row % static_cast<std::size_t>(plan.groups);
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t place = plan.scale_of_group ? group : group * group_channels + i / positions;
      elements[i] = static_cast<float>((elements[i] - found.mean) * found.factor * scale[place] + offset[place]);
    }
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
