// The list of operators. Adding one is one line here; docs/adding_an_operator.md has the rest of the recipe.
#pragma once

#include "troupe/engine/operator.hpp"

// clang-format off
#define TROUPE_OPERATORS(X) \
  X(abs) \
  X(add) \
  X(attention) \
  X(average_pool) \
  X(batch_normalization) \
  X(cast) \
  X(clip) \
  X(concat) \
  X(constant) \
  X(conv) \
  X(conv_transpose) \
  X(depth_to_space) \
  X(div) \
  X(dropout) \
  X(einsum) \
  X(elu) \
  X(equal) \
  X(erf) \
  X(exp) \
  X(expand) \
  X(flatten) \
  X(gather) \
  X(gelu) \
  X(gemm) \
  X(global_average_pool) \
  X(global_max_pool) \
  X(greater) \
  X(greater_or_equal) \
  X(group_normalization) \
  X(gru) \
  X(hard_sigmoid) \
  X(hard_swish) \
  X(identity) \
  X(instance_normalization) \
  X(layer_normalization) \
  X(leaky_relu) \
  X(less) \
  X(less_or_equal) \
  X(log) \
  X(log_softmax) \
  X(lrn) \
  X(lstm) \
  X(matmul) \
  X(max) \
  X(max_pool) \
  X(min) \
  X(mish) \
  X(mul) \
  X(neg) \
  X(pad) \
  X(pow) \
  X(prelu) \
  X(reciprocal) \
  X(reduce_mean) \
  X(relu) \
  X(reshape) \
  X(resize) \
  X(rms_normalization) \
  X(rnn) \
  X(rotary_embedding) \
  X(selu) \
  X(shape) \
  X(sigmoid) \
  X(slice) \
  X(softmax) \
  X(softplus) \
  X(space_to_depth) \
  X(split) \
  X(sqrt) \
  X(squeeze) \
  X(sub) \
  X(sum) \
  X(swish) \
  X(tanh) \
  X(transpose) \
  X(unsqueeze) \
  X(upsample) \
  X(where)
// clang-format on

namespace troupe {

#define TROUPE_DECLARE_OPERATOR(name) operator_definition name##_operator();
TROUPE_OPERATORS(TROUPE_DECLARE_OPERATOR)
#undef TROUPE_DECLARE_OPERATOR

}  // namespace troupe
