// Passes that make a graph smaller or faster without changing its results beyond rounding. They run on the whole
// model before it is cut into parts, so that one shard and many compute the same bits.
#pragma once

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// Computes every node whose operands are all constants, up to `limits::folded_bytes_max` a tensor.
result<void> fold_constants(graph& model, const operator_table& operators);

/// Removes nodes, values and constants that no output needs, and renumbers the values that stay.
void remove_dead_code(graph& model);

/// Folds an inference-time BatchNormalization into the Conv that alone feeds it.
result<void> fold_batch_normalization(graph& model);

/// All of them, in the order that works.
result<void> optimize(graph& model, const operator_table& operators);

}  // namespace troupe
