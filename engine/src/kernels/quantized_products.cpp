// Matrix products and convolutions of small integers, exactly, on the host.
#include "kernels/quantized_products.hpp"

#include "kernels/conv.hpp"
#include "kernels/definitions.hpp"
#include "kernels/matmul.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> quantized_product_reference(reference_context&);

product_operands product_operands_of(const node& step) {
  const bool is_scaled = step.op == "QLinearMatMul" || step.op == "QLinearConv";
  const bool is_convolution = step.op == "ConvInteger" || step.op == "QLinearConv";
  if (is_scaled)
    return {.is_convolution = is_convolution, .is_scaled = true, .right = 3, .left_zero = 2, .right_zero = 5};
  return {.is_convolution = is_convolution, .is_scaled = false, .right = 1, .left_zero = 2, .right_zero = 3};
}

namespace {

bool is_byte(dtype type) {
  return type == dtype::i8 || type == dtype::u8;
}

/// A scale or zero point is one number, or one for each of `count` rows, columns or channels.
result<void> check_parameter(const infer_context& context, std::size_t i, std::int64_t count, bool is_scale,
                             dtype type) {
  if (!context.has_input(i)) return {};
  const shape& dims = context.input_dims(i);
  const bool type_fits = is_scale ? is_float(context.input_type(i)) : context.input_type(i) == type;
  if (type_fits && (dims.elements() == 1 || dims.elements() == count)) return {};
  return fail(errc::invalid_argument, "operand {} of {} is a tensor {}{}; 1 or {} {} are needed", i,
              context.step().describe(), to_string(context.input_type(i)), dims.to_string(), count,
              is_scale ? "floats" : to_string(type));
}

result<void> infer(infer_context& context) {
  const node& step = context.step();
  const product_operands where = product_operands_of(step);
  if (where.is_scaled) {
    TROUPE_CHECK(context.expect_inputs(8, where.is_convolution ? 9 : 8));
  } else {
    TROUPE_CHECK(context.expect_inputs(2, 4));
  }
  const shape& left = context.input_dims(where.left);
  const shape& right = context.input_dims(where.right);
  for (const std::size_t i : {where.left, where.right})
    if (!is_byte(context.input_type(i)))
      return fail(errc::invalid_argument, "operand {} of {} is {}; int8 or uint8 is needed", i, step.describe(),
                  to_string(context.input_type(i)));
  shape output;
  std::int64_t left_parameters = 1, right_parameters = 1;
  if (where.is_convolution) {
    TROUPE_TRY(const conv_shape conv, conv_shape_of(step, left, right));
    TROUPE_TRY(output, conv.window.output_shape(conv.batch, right[0]));
    right_parameters = right[0];
  } else {
    TROUPE_TRY(const matmul_shape product, matmul_shape_of(step, left, right));
    output = product.output;
    left_parameters = product.rows;
    right_parameters = product.columns;
  }
  TROUPE_CHECK(check_parameter(context, where.left_zero, left_parameters, false, context.input_type(where.left)));
  TROUPE_CHECK(check_parameter(context, where.right_zero, right_parameters, false, context.input_type(where.right)));
  if (!where.is_scaled) {
    context.set_output(0, dtype::i32, output);
    return {};
  }
  TROUPE_CHECK(check_parameter(context, where.left_scale, left_parameters, true, dtype::f32));
  TROUPE_CHECK(check_parameter(context, where.right_scale, right_parameters, true, dtype::f32));
  TROUPE_CHECK(check_parameter(context, where.scale, 1, true, dtype::f32));
  const dtype type = context.input_type(where.zero);
  if (!is_byte(type))
    return fail(errc::invalid_argument, "{} makes {}; int8 or uint8 is needed", step.describe(), to_string(type));
  TROUPE_CHECK(check_parameter(context, where.zero, 1, false, type));
  if (context.has_input(where.bias) &&
      (context.input_type(where.bias) != dtype::i32 || context.input_dims(where.bias).elements() != right[0]))
    return fail(errc::invalid_argument, "the bias of {} is a tensor {}{}; {} int32 are needed", step.describe(),
                to_string(context.input_type(where.bias)), context.input_dims(where.bias).to_string(), right[0]);
  context.set_output(0, type, output);
  return {};
}

operator_definition product(std::string_view op) {
  return {.name = op, .since_version = 10, .infer = infer, .reference = quantized_product_reference};
}

}  // namespace

operator_definition conv_integer_operator() {
  return product("ConvInteger");
}
operator_definition matmul_integer_operator() {
  return product("MatMulInteger");
}
operator_definition qlinear_conv_operator() {
  return product("QLinearConv");
}
operator_definition qlinear_matmul_operator() {
  return product("QLinearMatMul");
}

}  // namespace troupe
