#include "kernels/matmul.hpp"
#include "kernels/epilogue.hpp"

#include "reference/products.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

template <class Element, class Sum>
result<void> multiply_exactly(const matmul_shape& product, const reference_context& context) {
  const auto values =
      multiply<Element, Sum>(product, context.input(0).as<Element>().data(), context.input(1).as<Element>().data());
  TROUPE_TRY(context.output(0), tensor::from(product.output, std::span<const Element>(values)));
  return {};
}

}  // namespace

result<void> matmul_reference(reference_context& context) {
  TROUPE_TRY(const matmul_shape product,
             matmul_shape_of(context.step(), context.input(0).dims(), context.input(1).dims()));
  // Unsigned sums: overflow is defined, and the bits are those of the signed sum modulo 2^n.
  if (context.input(0).type() == dtype::i32) return multiply_exactly<std::int32_t, std::uint32_t>(product, context);
  if (context.input(0).type() == dtype::i64) return multiply_exactly<std::int64_t, std::uint64_t>(product, context);
  TROUPE_TRY(const auto left, context.input_floats(0));
  TROUPE_TRY(const auto right, context.input_floats(1));
  // A sum of products of fp32 is exact enough in double to be rounded once, at the end.
  const std::vector<double> wide_left(left.begin(), left.end()), wide_right(right.begin(), right.end());
  auto sums = multiply<double, double>(product, wide_left.data(), wide_right.data());
  if (context.has_input(fused::bias_operand)) {
    TROUPE_TRY(const auto bias, context.input_floats(fused::bias_operand));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += bias[i % bias.size()];
  }
  TROUPE_CHECK(apply_epilogue(context, sums));
  return context.set_output_floats(0, std::vector<float>(sums.begin(), sums.end()));
}

result<void> gemm_reference(reference_context& context) {
  const shape* addend_dims = context.has_input(2) ? &context.input(2).dims() : nullptr;
  TROUPE_TRY(const gemm_shape gemm,
             gemm_shape_of(context.step(), context.input(0).dims(), context.input(1).dims(), addend_dims));
  TROUPE_TRY(const auto left, context.input_floats(0));
  TROUPE_TRY(const auto right, context.input_floats(1));
  std::vector<float> addend;
  if (addend_dims) {
    TROUPE_TRY(addend, context.input_floats(2));
  }
  const double alpha = context.step().float_or("alpha", 1.0f);
  const double beta = context.step().float_or("beta", 1.0f);
  const auto left_at = [&](std::int64_t m, std::int64_t k) {
    return left[static_cast<std::size_t>(gemm.transposed_left ? k * gemm.rows + m : m * gemm.inner + k)];
  };
  const auto right_at = [&](std::int64_t k, std::int64_t n) {
    return right[static_cast<std::size_t>(gemm.transposed_right ? n * gemm.inner + k : k * gemm.columns + n)];
  };
  std::vector<double> values;
  values.reserve(context.output(0).elements());
  for (std::int64_t m = 0; m < gemm.rows; ++m)
    for (std::int64_t n = 0; n < gemm.columns; ++n) {
      double sum = 0;
      for (std::int64_t k = 0; k < gemm.inner; ++k) sum += static_cast<double>(left_at(m, k)) * right_at(k, n);
      sum *= alpha;
      if (addend_dims)
        sum += beta * addend[static_cast<std::size_t>(m * gemm.addend_row_stride + n * gemm.addend_column_stride)];
      values.push_back(sum);
    }
  TROUPE_CHECK(apply_epilogue(context, values));
  return context.set_output_floats(0, std::vector<float>(values.begin(), values.end()));
}

}  // namespace troupe
