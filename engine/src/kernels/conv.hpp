// What a Conv computes, from its operands and attributes, and which kernels serve it.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/sliding_window.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

struct conv_shape {
  sliding_window window;
  std::int64_t batch = 0;
  std::int64_t groups = 1;
  std::int64_t group_inputs = 0;   ///< input channels of one group
  std::int64_t group_outputs = 0;  ///< output channels of one group
};

/// For an input [N, C, spatial...] and weights [M, C / groups, kernel...]; the error names what does not fit.
result<conv_shape> conv_shape_of(const node& step, const shape& input, const shape& weights);

/// Ways to compute a convolution on a device.
enum class conv_way : std::uint8_t {
  depthwise,  ///< every channel is its own group; in blocks
  blocks,     ///< the matrix product of weights and shifted inputs, in blocks
  unfolded,   ///< few input channels (an image): reads it plain, unfolds it, and goes on in blocks
  narrow,     ///< one output channel at a time, plain, over any number of terms
};

/// The bits of an image's result do not depend on the batch, even where the way does.
conv_way conv_way_of(const conv_shape& conv);

/// What the node ends in, with nothing and Relu as the Clip that they are: one pipeline serves all three.
result<activation> bounds_or_activation(const node& step);

/// True where Winograd's minimal filtering is faster than `conv_way::blocks`, whose layouts it shares. By the shape of
/// one image alone.
bool winograd_serves(const lowering_context& context, const conv_shape& conv);

/// Appends the dispatches of one way; the bias is operand 2, if there.
result<void> add_conv_depthwise(lowering_context& context, const conv_shape& conv);
result<void> add_conv_blocks(lowering_context& context, const conv_shape& conv, bool unfolded);
result<void> add_conv_winograd(lowering_context& context, const conv_shape& conv);
result<void> add_conv_narrow(lowering_context& context, const conv_shape& conv);

}  // namespace troupe
