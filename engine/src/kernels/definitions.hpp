// The list of operators. Adding one is one line here; docs/adding_an_operator.md has the rest of the recipe.
#pragma once

#include "troupe/engine/operator.hpp"

// clang-format off
#define TROUPE_OPERATORS(X) \
  X(abs) \
  X(add) \
  X(average_pool) \
  X(batch_normalization) \
  X(cast) \
  X(clip) \
  X(concat) \
  X(constant) \
  X(conv) \
  X(div) \
  X(dropout) \
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
  X(greater) \
  X(greater_or_equal) \
  X(hard_sigmoid) \
  X(hard_swish) \
  X(identity) \
  X(leaky_relu) \
  X(less) \
  X(less_or_equal) \
  X(log) \
  X(lrn) \
  X(matmul) \
  X(max) \
  X(max_pool) \
  X(min) \
  X(mul) \
  X(neg) \
  X(pad) \
  X(pow) \
  X(prelu) \
  X(reciprocal) \
  X(reduce_mean) \
  X(relu) \
  X(reshape) \
  X(selu) \
  X(shape) \
  X(sigmoid) \
  X(slice) \
  X(softmax) \
  X(softplus) \
  X(split) \
  X(sqrt) \
  X(squeeze) \
  X(sub) \
  X(sum) \
  X(tanh) \
  X(transpose) \
  X(unsqueeze) \
  X(where)
// clang-format on

namespace troupe {

#define TROUPE_DECLARE_OPERATOR(name) operator_definition name##_operator();
TROUPE_OPERATORS(TROUPE_DECLARE_OPERATOR)
#undef TROUPE_DECLARE_OPERATOR

}  // namespace troupe
