// Passes that make a graph smaller or faster without changing its results beyond rounding. They run on the whole
// model before it is cut into parts, so that one shard and many compute the same bits.
#pragma once

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// Computes every node whose operands are all constants, up to `limits::folded_bytes_max` a tensor. A node that cannot
/// be computed stays: `specialize` says why.
result<void> fold_constants(graph& model, const operator_table& operators);

/// Removes nodes that pass their operand on: Identity, and Dropout outside of training.
void drop_no_ops(graph& model);

/// Removes nodes, values and constants that no output needs, and renumbers the values that stay.
void remove_dead_code(graph& model);

/// Folds an inference-time BatchNormalization into the Conv that alone feeds it: the scale goes into the weights, the
/// rest into the bias, computed in fp32. Both must be constants of at most 32 bits an element.
result<void> fold_batch_normalization(graph& model);

/// Makes one LayerNormalization or RMSNormalization of the nodes that exporters of older opsets write for it: mean,
/// difference, square, mean, root and quotient over the last axis, with a constant factor (and offset).
void fuse_normalization(graph& model);

/// Makes one Gelu of x, 1/2 and 1 + erf(x / sqrt(2)) multiplied in any order; the form with tanh likewise.
void fuse_gelu(graph& model);

/// Makes one Attention of MatMul, scale, mask and Softmax along the last axis, MatMul over four axes. The keys must
/// come from a Transpose with a permutation of four.
void fuse_attention(graph& model);

/// Moves each Transpose behind the elementwise nodes that read it, joins it with one that follows, and drops both when
/// one undoes the other.
void push_transposes(graph& model);

/// Moves what follows a Conv, a Gemm or a MatMul of floats into it where nothing else reads its result: the bias of a
/// MatMul (an Add of a constant to each row), a residual Add of the same shape, then an activation (Relu, LeakyRelu,
/// Clip with constant bounds, Sigmoid, Tanh, HardSigmoid, HardSwish, Gelu, x * Sigmoid(x)). What was rounded between
/// the nodes is then rounded once.
void fuse_products(graph& model, const operator_table& operators);

/// Makes one node of a QuantizeLinear and a DequantizeLinear with the same constant scale and zero point: the operator
/// FakeQuantizeLinear, which rounds floats to what the integers between would be, and needs no integers. Only this pass
/// makes it.
void join_quantization(graph& model);

/// All of them, in the order that works.
result<void> optimize(graph& model, const operator_table& operators);

}  // namespace troupe
