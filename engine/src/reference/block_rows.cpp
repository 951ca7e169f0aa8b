#include "reference/block_rows.hpp"

namespace troupe {

result<void> expand_row(const reference_context& context, const block_matrix& matrix, std::int64_t row,
                        std::span<float> values) {
  const auto bytes = static_cast<std::size_t>(matrix.row_bytes);
  return dequantize(matrix.format,
                    context.input(matrix.operand).bytes().subspan(static_cast<std::size_t>(row) * bytes, bytes),
                    values);
}

double dot(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

}  // namespace troupe
