// The list of operators. Adding one is one line here; docs/adding_an_operator.md has the rest of the recipe.
#pragma once

#include "troupe/engine/operator.hpp"

// clang-format off
#define TROUPE_OPERATORS(X) \
  X(average_pool) \
  X(batch_normalization) \
  X(clip) \
  X(conv) \
  X(gemm) \
  X(global_average_pool) \
  X(leaky_relu) \
  X(lrn) \
  X(matmul) \
  X(max_pool) \
  X(reduce_mean) \
  X(relu) \
  X(sigmoid) \
  X(softmax) \
  X(tanh)
// clang-format on

namespace troupe {

#define TROUPE_DECLARE_OPERATOR(name) operator_definition name##_operator();
TROUPE_OPERATORS(TROUPE_DECLARE_OPERATOR)
#undef TROUPE_DECLARE_OPERATOR

}  // namespace troupe
