#include "kernels/expert_linear.hpp"

#include <algorithm>
#include <cmath>

#include "reference/block_rows.hpp"

namespace troupe {

result<void> expert_linear_reference(reference_context& context) {
  TROUPE_TRY(const expert_product product, expert_product_of(node_view(context)));
  TROUPE_TRY(const auto x, context.input_floats(0));
  TROUPE_TRY(const auto ids, context.input_floats(1));
  const linear_shape& linear = product.linear;
  const auto inner = static_cast<std::size_t>(linear.inner), top = static_cast<std::size_t>(product.top);
  std::vector<float> values, weights(inner);
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    // An id is a number somebody computed: what is no expert becomes the nearest, and a NaN the first.
    const double last = static_cast<double>(linear.experts - 1);
    const double id =
        std::isnan(ids[slot]) ? 0 : std::clamp(std::floor(static_cast<double>(ids[slot]) + 0.5), 0.0, last);
    const float* row = x.data() + (product.slots_differ ? slot : slot / top) * inner;
    for (const block_matrix& matrix : linear.matrices)
      for (std::int64_t i = 0; i < matrix.rows; ++i) {
        TROUPE_CHECK(expand_row(context, matrix, static_cast<std::int64_t>(id) * matrix.rows + i, weights));
        values.push_back(static_cast<float>(dot(row, weights.data(), inner)));
      }
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
