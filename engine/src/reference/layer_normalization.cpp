#include "kernels/layer_normalization.hpp"

#include "reference/row_statistics.hpp"
#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

result<void> normalize(reference_context& context, bool centered) {
  const shape& dims = context.input(0).dims();
  TROUPE_TRY(const auto plan, layer_normalization_of(context.step(), dims));
  TROUPE_TRY(auto values, context.input_floats(0));
  TROUPE_TRY(const auto scale, context.input_floats(1));
  std::vector<float> offset;
  if (context.has_input(2)) {
    TROUPE_TRY(offset, context.input_floats(2));
  }
  const double epsilon = context.step().float_or("epsilon", 1e-5f);
  const auto length = static_cast<std::size_t>(plan.length);
  std::vector<float> means, factors;
  std::vector<row_statistics> rows;
  for (std::size_t row = 0; length > 0 && row < values.size() / length; ++row) {
    rows.push_back(statistics_of(std::span<const float>(values).subspan(row * length, length), epsilon, centered));
    means.push_back(static_cast<float>(rows.back().mean));
    factors.push_back(static_cast<float>(rows.back().factor));
  }
  means.resize(static_cast<std::size_t>(plan.rows));  // of rows without elements: 0
  factors.resize(means.size());
  std::size_t i = 0;
  for_each_index(dims, [&](const tensor_index& index) {
    const row_statistics& row = rows[i / length];
    double value = (values[i] - row.mean) * row.factor;
    value *= scale[broadcast_position(context.input(1).dims(), dims.rank(), index)];
    if (!offset.empty()) value += offset[broadcast_position(context.input(2).dims(), dims.rank(), index)];
    values[i++] = static_cast<float>(value);
  });
  if (context.wants_output(1)) TROUPE_CHECK(context.set_output_floats(1, means));
  if (context.wants_output(2)) TROUPE_CHECK(context.set_output_floats(2, factors));
  return context.set_output_floats(0, values);
}

}  // namespace

result<void> layer_normalization_reference(reference_context& context) {
  return normalize(context, true);
}

result<void> rms_normalization_reference(reference_context& context) {
  return normalize(context, false);
}

}  // namespace troupe
