// How the losses of single predictions become the result.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// `mean` divides by the sum of the weights of the labels that count.
enum class loss_reduction { none, sum, mean };

result<loss_reduction> read_loss_reduction(const node& step);

}  // namespace troupe
