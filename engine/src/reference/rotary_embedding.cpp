#include "kernels/rotary_embedding.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> rotary_embedding_reference(reference_context& context) {
  TROUPE_TRY(const rotary_plan plan, read_rotary(node_view(context)));
  TROUPE_TRY(const auto source, context.input_floats(0));
  TROUPE_TRY(const auto cosines, context.input_floats(1));
  TROUPE_TRY(const auto sines, context.input_floats(2));
  std::vector<std::int64_t> chosen;
  if (plan.chosen_positions) {
    TROUPE_TRY(chosen, context.input_ints(3));
  }
  std::vector<float> values = source;
  const std::int64_t pairs = plan.rotated / 2;
  for (std::int64_t image = 0; image < plan.batch; ++image)
    for (std::int64_t position = 0; position < plan.positions; ++position) {
      std::int64_t row = image * plan.positions + position;
      if (plan.chosen_positions) row = chosen[static_cast<std::size_t>(row)];
      if (row < 0 || row >= plan.table_rows) {
        if (pairs == 0) continue;
        return fail(errc::invalid_argument, "{} has the position {}; its tables have {} rows",
                    context.step().describe(), row, plan.table_rows);
      }
      for (std::int64_t head = 0; head < plan.heads; ++head)
        for (std::int64_t pair = 0; pair < pairs; ++pair) {
          const std::int64_t base = image * plan.strides[0] + head * plan.strides[1] + position * plan.strides[2];
          const auto first = static_cast<std::size_t>(base + (plan.interleaved ? 2 * pair : pair));
          const std::size_t second = first + static_cast<std::size_t>(plan.interleaved ? 1 : pairs);
          const double cosine = cosines[static_cast<std::size_t>(row * pairs + pair)];
          const double sine = sines[static_cast<std::size_t>(row * pairs + pair)];
          values[first] = static_cast<float>(source[first] * cosine - source[second] * sine);
          values[second] = static_cast<float>(source[first] * sine + source[second] * cosine);
        }
    }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
