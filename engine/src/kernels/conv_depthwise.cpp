// Convolutions in which every channel is its own group.
#include <algorithm>

#include "kernels/activation.hpp"
#include "kernels/channel_blocks.hpp"
#include "kernels/conv.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct depthwise_parameters {
  std::uint32_t batch, channels, has_bias;
  float activation_a, activation_b;
  window_parameters window;
};

/// What conv_depthwise.comp unrolls.
constexpr std::int64_t row_taps_max = 7;
constexpr std::int64_t row_stride_max = 2;
constexpr std::int64_t neighbours = 4;

}  // namespace

result<void> add_conv_depthwise(lowering_context& context, const conv_shape& conv) {
  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  const std::int64_t channels = conv.groups;
  const std::int64_t blocks = (channels + 7) / 8;
  const auto& limits = context.traits().group_count_max;
  if (blocks > limits[1] || conv.batch > limits[2])
    return fail(errc::unsupported, "{} has {} images of {} channels; the device computes {} of {} at a time",
                context.step().describe(), conv.batch, channels, limits[2], std::int64_t{8} * limits[1]);
  const shape kernels{1, channels, conv.window.taps()};
  const std::uint32_t weights = context.scratch(stored_elements(memory_layout::blocks, kernels));
  context.add(layout_conversion(kernels, memory_layout::blocks, context.read(1), {weights, true}, context.traits()));

  const bool unrolled =
      window.dilation[2] == 1 && window.kernel[2] <= row_taps_max && window.stride[2] <= row_stride_max;
  TROUPE_TRY(const activation ending, bounds_or_activation(context.step()));
  const bool has_bias = context.has_input(fused::bias_operand);
  const bool has_residual = context.has_input(fused::residual_operand);
  dispatch_operand source = context.read(0), kernel{weights, false};
  dispatch_operand bias = has_bias ? context.read(fused::bias_operand) : source;
  dispatch_operand residual = has_residual ? context.read(fused::residual_operand) : source;
  const std::int64_t largest = std::max({stored_elements(memory_layout::blocks, kernels),
                                         stored_elements(memory_layout::blocks, context.input_dims(0)),
                                         stored_elements(memory_layout::blocks, context.output_dims(0))});
  const device_traits& traits = context.traits();
  const bool texels = context.reads_texels(largest) && traits.subgroup_size == 8 && traits.subgroup_shuffle;
  source.texels = kernel.texels = bias.texels = residual.texels = texels;
  const std::int64_t tiles =
      conv.window.output[0] * conv.window.output[1] * ((conv.window.output[2] + neighbours - 1) / neighbours);
  const auto across = groups_for(tiles, 64, context.traits());
  if (across[1] != 1)
    return fail(errc::unsupported, "{} has {} positions in a plane, more than the device counts workgroups for",
                context.step().describe(), conv.window.output_plane());
  context.add({.shader = texels ? "conv_depthwise_texel" : "conv_depthwise",
               .operands = {source, kernel, bias, residual, context.write(0)},
               .push_constants = push_bytes(
                   depthwise_parameters{as_u32(conv.batch), as_u32(channels), has_bias, ending.a, ending.b, window}),
               .specialization = {static_cast<std::uint32_t>(ending.kind), unrolled ? as_u32(window.kernel[2]) : 0,
                                  unrolled ? as_u32(window.stride[2]) : 1, has_residual},
               .groups = {across[0], as_u32(blocks), as_u32(conv.batch)}});
  return {};
}

}  // namespace troupe
