#include "reference/block_rows.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> embedding_rows_reference(reference_context& context) {
  const node& step = context.step();
  TROUPE_TRY(const block_format format, format_of(step, step.string_or("format", "")));
  TROUPE_TRY(const block_matrix table, block_matrix_of(node_view(context), 1, format, step.int_or("columns", 0)));
  TROUPE_TRY(const auto ids, context.input_ints(0));
  const float scale = step.float_or("scale", 1);
  const auto inner = static_cast<std::size_t>(step.int_or("columns", 0));
  std::vector<float> values(ids.size() * inner);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) continue;  // a row of padding
    if (ids[i] >= table.rows)
      return fail(errc::invalid_argument, "id {} of {} is beyond its table of {} rows", ids[i], step.describe(),
                  table.rows);
    const std::span<float> row(values.data() + i * inner, inner);
    TROUPE_CHECK(expand_row(context, table, ids[i], row));
    for (float& value : row) value *= scale;
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
