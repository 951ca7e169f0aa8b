#include <cmath>

#include "kernels/activation.hpp"
#include "reference/block_rows.hpp"

namespace troupe {
namespace {

/// x times every weight transposed, side by side, plus the bias.
result<std::vector<double>> multiply(reference_context& context) {
  TROUPE_TRY(const linear_shape linear, linear_shape_of(node_view(context), 2, context.input_count()));
  TROUPE_TRY(const auto x, context.input_floats(0));
  const auto inner = static_cast<std::size_t>(linear.inner), columns = static_cast<std::size_t>(linear.columns);
  const std::size_t rows = x.size() / inner;
  std::vector<double> sums(rows * columns);
  std::vector<float> weights(inner);
  std::size_t column = 0;
  for (const block_matrix& matrix : linear.matrices)
    for (std::int64_t row = 0; row < matrix.rows; ++row, ++column) {
      TROUPE_CHECK(expand_row(context, matrix, row, weights));
      for (std::size_t i = 0; i < rows; ++i)
        sums[i * columns + column] = dot(x.data() + i * inner, weights.data(), inner);
    }
  if (context.has_input(1)) {
    TROUPE_TRY(const auto bias, context.input_floats(1));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += bias[i % columns];
  }
  return sums;
}

}  // namespace

result<void> linear_reference(reference_context& context) {
  TROUPE_TRY(const auto sums, multiply(context));
  TROUPE_TRY(const activation last, activation_of(context.step()));
  std::vector<float> values;
  for (const double sum : sums) values.push_back(static_cast<float>(apply(last, sum)));
  return context.set_output_floats(0, values);
}

result<void> logits_reference(reference_context& context) {
  TROUPE_TRY(const auto sums, multiply(context));
  const double scale = context.step().float_or("scale", 1);
  const double cap = context.step().float_or("softcap", 0);
  std::vector<float> values;
  for (const double sum : sums) {
    const double scaled = scale * sum;
    values.push_back(static_cast<float>(cap > 0 ? cap * std::tanh(scaled / cap) : scaled));
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
