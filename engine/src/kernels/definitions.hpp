// The list of operators. Adding one is one line here; docs/adding_an_operator.md has the rest of the recipe.
#pragma once

#include "troupe/engine/operator.hpp"

// clang-format off
#define TROUPE_OPERATORS(X) \
  X(abs) \
  X(acos) \
  X(acosh) \
  X(add) \
  X(arg_max) \
  X(arg_min) \
  X(asin) \
  X(asinh) \
  X(atan) \
  X(atanh) \
  X(average_pool) \
  X(batch_normalization) \
  X(bit_shift) \
  X(bitwise_and) \
  X(bitwise_not) \
  X(bitwise_or) \
  X(bitwise_xor) \
  X(cast) \
  X(cast_like) \
  X(ceil) \
  X(celu) \
  X(clip) \
  X(compress) \
  X(concat) \
  X(constant) \
  X(constant_of_shape) \
  X(conv) \
  X(conv_integer) \
  X(cos) \
  X(cosh) \
  X(cum_sum) \
  X(dequantize_linear) \
  X(div) \
  X(dropout) \
  X(dynamic_quantize_linear) \
  X(elu) \
  X(equal) \
  X(erf) \
  X(exp) \
  X(expand) \
  X(eye_like) \
  X(flatten) \
  X(floor) \
  X(gather) \
  X(gather_elements) \
  X(gather_nd) \
  X(gelu) \
  X(gemm) \
  X(global_average_pool) \
  X(greater) \
  X(greater_or_equal) \
  X(hard_sigmoid) \
  X(hard_swish) \
  X(hardmax) \
  X(identity) \
  X(is_inf) \
  X(is_nan) \
  X(leaky_relu) \
  X(less) \
  X(less_or_equal) \
  X(log) \
  X(logical_and) \
  X(logical_not) \
  X(logical_or) \
  X(logical_xor) \
  X(lrn) \
  X(matmul) \
  X(matmul_integer) \
  X(max) \
  X(max_pool) \
  X(mean) \
  X(min) \
  X(mod) \
  X(mul) \
  X(neg) \
  X(non_zero) \
  X(one_hot) \
  X(pad) \
  X(pow) \
  X(prelu) \
  X(qlinear_conv) \
  X(qlinear_matmul) \
  X(quantize_linear) \
  X(range) \
  X(reciprocal) \
  X(reduce_l1) \
  X(reduce_l2) \
  X(reduce_log_sum) \
  X(reduce_log_sum_exp) \
  X(reduce_max) \
  X(reduce_mean) \
  X(reduce_min) \
  X(reduce_prod) \
  X(reduce_sum) \
  X(reduce_sum_square) \
  X(relu) \
  X(reshape) \
  X(reverse_sequence) \
  X(round) \
  X(scatter) \
  X(scatter_elements) \
  X(scatter_nd) \
  X(selu) \
  X(shape) \
  X(shrink) \
  X(sigmoid) \
  X(sign) \
  X(sin) \
  X(sinh) \
  X(size) \
  X(slice) \
  X(softmax) \
  X(softplus) \
  X(softsign) \
  X(split) \
  X(sqrt) \
  X(squeeze) \
  X(sub) \
  X(sum) \
  X(tan) \
  X(tanh) \
  X(thresholded_relu) \
  X(tile) \
  X(top_k) \
  X(transpose) \
  X(trilu) \
  X(unique) \
  X(unsqueeze) \
  X(where)
// clang-format on

namespace troupe {

#define TROUPE_DECLARE_OPERATOR(name) operator_definition name##_operator();
TROUPE_OPERATORS(TROUPE_DECLARE_OPERATOR)
#undef TROUPE_DECLARE_OPERATOR

}  // namespace troupe
