// Parameters of ExpertRouter.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Of each row the `top` experts with the largest logits, the lower of two equals first, largest first. A weight is the
/// softmax over the chosen (`normalized`) or over all, times `scale`. A NaN is smaller than every number.
struct expert_choice {
  std::int64_t rows = 0, experts = 0, top = 0;
  bool normalized = true;
  float scale = 1;
};

result<expert_choice> expert_choice_of(const node& step, const shape& logits);

}  // namespace troupe
