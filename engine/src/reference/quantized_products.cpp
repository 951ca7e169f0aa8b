#include "kernels/quantized_products.hpp"

#include <algorithm>

#include "kernels/quantize.hpp"
#include "reference/products.hpp"

namespace troupe {
namespace {

/// A scale or zero point: one number, or one for each index of something.
struct parameter {
  std::vector<double> values{0.0};
  double at(std::int64_t i) const { return values[values.size() > 1 ? static_cast<std::size_t>(i) : 0]; }
};

result<parameter> read(const reference_context& context, std::size_t i) {
  parameter made;
  if (!context.has_input(i)) return made;
  TROUPE_TRY(const tensor wide, convert(context.input(i), dtype::f64));
  made.values.assign(wide.as<double>().begin(), wide.as<double>().end());
  return made;
}

/// Operand i minus its zero points, one for all or one for each index of an axis of this extent, whose neighbours are
/// `inner` apart. Differences and sums of their products are exact in double.
result<std::vector<double>> centred(const reference_context& context, std::size_t i, const parameter& zero,
                                    std::int64_t inner, std::int64_t extent) {
  TROUPE_TRY(const tensor wide, convert(context.input(i), dtype::f64));
  std::vector<double> values(wide.as<double>().begin(), wide.as<double>().end());
  std::int64_t place = 0;
  for (double& value : values) value -= zero.at(place++ / inner % extent);
  return values;
}

}  // namespace

result<void> quantized_product_reference(reference_context& context) {
  const node& step = context.step();
  const product_operands where = product_operands_of(step);
  const shape& left_dims = context.input(where.left).dims();
  const shape& right_dims = context.input(where.right).dims();
  TROUPE_TRY(const parameter left_zero, read(context, where.left_zero));
  TROUPE_TRY(const parameter right_zero, read(context, where.right_zero));
  parameter left_scale, right_scale, scale, zero, bias;
  if (where.is_scaled) {
    TROUPE_TRY(left_scale, read(context, where.left_scale));
    TROUPE_TRY(right_scale, read(context, where.right_scale));
    TROUPE_TRY(scale, read(context, where.scale));
    TROUPE_TRY(zero, read(context, where.zero));
    TROUPE_TRY(bias, read(context, where.bias));
  }
  tensor& target = context.output(0);
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype::i64, target.dims()));
  const auto values = made.as_mutable<std::int64_t>();
  std::size_t next = 0;
  const auto finish = [&](double sum, std::int64_t row, std::int64_t column) {
    if (where.is_scaled) {
      const double factor = left_scale.at(row) * right_scale.at(column) / scale.at(0);
      values[next++] = quantized(sum * factor, static_cast<std::int64_t>(zero.at(0)), target.type());
    } else {
      values[next++] = static_cast<std::int64_t>(sum);
    }
  };
  if (where.is_convolution) {
    TROUPE_TRY(const conv_shape conv, conv_shape_of(step, left_dims, right_dims));
    const std::int64_t filter = conv.group_inputs * conv.window.taps();
    TROUPE_TRY(const auto input, centred(context, where.left, left_zero, 1, 1));
    TROUPE_TRY(const auto weights, centred(context, where.right, right_zero, std::max<std::int64_t>(filter, 1),
                                           std::max<std::int64_t>(right_dims[0], 1)));
    convolve(conv, input.data(), weights.data(),
             [&](double sum, std::int64_t channel) { finish(sum + bias.at(channel), 0, channel); });
  } else {
    TROUPE_TRY(const matmul_shape product, matmul_shape_of(step, left_dims, right_dims));
    const auto least_one = [](std::int64_t extent) { return std::max<std::int64_t>(extent, 1); };
    TROUPE_TRY(const auto left,
               centred(context, where.left, left_zero, least_one(product.inner), least_one(product.rows)));
    TROUPE_TRY(const auto right, centred(context, where.right, right_zero, 1, least_one(product.columns)));
    std::int64_t i = 0;
    for (const double sum : multiply<double, double>(product, left.data(), right.data())) {
      finish(sum, i / product.columns % product.rows, i % product.columns);
      ++i;
    }
  }
  TROUPE_TRY(target, convert(made, target.type()));
  return {};
}

}  // namespace troupe
