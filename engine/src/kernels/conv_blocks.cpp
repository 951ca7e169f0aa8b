// Convolutions as matrix products over blocks of eight channels.
#include <algorithm>

#include "kernels/activation.hpp"
#include "kernels/channel_blocks.hpp"
#include "kernels/conv.hpp"
#include "kernels/divide_up.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct unfold_parameters {
  std::uint32_t batch, channels;
  window_parameters window;
};

struct weights_parameters {
  std::uint32_t groups, group_outputs, group_inputs, merged, taps;
};

struct blocks_parameters {
  std::uint32_t batch, groups, group_blocks, group_outputs, has_bias;
  float activation_a, activation_b;
  window_parameters window;
};

/// Up to this many input channels, blocks of eight waste more than unfolding the input costs.
constexpr std::int64_t unfolded_inputs_max = 4;
/// The unfolded input must fit one binding of the smallest allowed size, 128 MiB, in either storage type. A larger
/// batch goes the way of more channels, which adds up the same products in the same order.
constexpr std::int64_t unfolded_elements_max = std::int64_t{1} << 25;
/// Rounds of an invocation's loops: half of what Mesa 22.3 lets them run.
constexpr std::int64_t rounds_max = 32768;
/// Zeros between merged groups cost as much as weights.
constexpr std::int64_t merged_max = 32;

/// How many groups to treat as one, so that groups begin where blocks do; 0 when that would cost too much.
std::int64_t merged_groups(const conv_shape& conv) {
  for (std::int64_t merged = 1; merged <= std::min(conv.groups, merged_max); ++merged) {
    if (conv.groups % merged != 0) continue;
    const bool aligned = merged * conv.group_inputs % 8 == 0 && merged * conv.group_outputs % 8 == 0;
    if (aligned || merged == conv.groups) return merged;
  }
  return 0;
}

/// A tile of outputs by positions that an invocation's subgroup, or a workgroup, computes.
struct tile_kind {
  std::string_view shader, texel_shader;
  std::int64_t outputs, positions;
  double cost;               ///< of a full tile, for one output of one position
  std::uint32_t group_size;  ///< invocations of a workgroup
  std::int64_t group_tiles;  ///< tiles that a workgroup computes
};

constexpr tile_kind small_tile{"conv_blocks", "conv_blocks_texel", 16, 32, 1.1, 64, 8};
constexpr tile_kind large_tile{"conv_blocks_large", "conv_blocks_large_texel", 16, 56, 1.0, 64, 8};
constexpr tile_kind shared_tile{"conv_blocks_shared", {}, 64, 64, 1.0, 128, 1};

const tile_kind& choose_tile(const device_traits& traits, std::int64_t outputs, std::int64_t positions) {
  if (!traits.software || traits.subgroup_size != 8 || !traits.subgroup_shuffle) return shared_tile;
  const auto cost = [&](const tile_kind& kind) {
    return kind.cost * static_cast<double>(divide_up(outputs, kind.outputs) * kind.outputs *
                                           divide_up(positions, kind.positions) * kind.positions);
  };
  return cost(large_tile) < cost(small_tile) ? large_tile : small_tile;
}

/// One tap over an input that has the positions of `window`'s output.
window_parameters pointwise_window(const window_parameters& window) {
  window_parameters made{{}, {}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
  std::copy_n(window.output, 3, made.input);
  std::copy_n(window.output, 3, made.output);
  return made;
}

result<std::uint32_t> scratch_words(lowering_context& context, std::int64_t words) {
  if (words >= std::int64_t{1} << 28)
    return fail(errc::unsupported, "{} rearranges {} elements; a device computes with fewer than {}",
                context.step().describe(), 8 * words, std::int64_t{1} << 31);
  return context.scratch(8 * words);
}

}  // namespace

conv_way conv_way_of(const conv_shape& conv) {
  const std::int64_t taps = conv.window.taps();
  if (conv.group_inputs == 1 && conv.group_outputs == 1 && conv.groups > 1)
    return taps <= rounds_max ? conv_way::depthwise : conv_way::narrow;
  const std::int64_t merged = merged_groups(conv);
  const std::int64_t blocks = divide_up(merged * conv.group_inputs, 8);
  if (merged == 0 || taps > rounds_max / (blocks + 1)) return conv_way::narrow;
  const std::int64_t terms = conv.group_inputs * taps;
  const bool unfolded = conv.groups == 1 && conv.group_inputs <= unfolded_inputs_max &&
                        conv.batch * conv.window.output_plane() <= unfolded_elements_max / (divide_up(terms, 8) * 8);
  return unfolded ? conv_way::unfolded : conv_way::blocks;
}

result<void> add_conv_blocks(lowering_context& context, const conv_shape& conv, bool unfolded) {
  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  const std::int64_t merged = merged_groups(conv);
  const std::int64_t groups = conv.groups / merged;
  const std::int64_t group_outputs = merged * conv.group_outputs;
  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t source_positions = unfolded ? positions : conv.window.input_plane();
  const std::int64_t taps = conv.window.taps();
  const std::int64_t steps = unfolded ? 1 : taps;
  const std::int64_t group_blocks = divide_up(merged * conv.group_inputs * (unfolded ? taps : 1), 8);

  dispatch_operand source = context.read(0);
  window_parameters product_window = window;
  if (unfolded) {
    product_window = pointwise_window(window);
    TROUPE_TRY(const std::uint32_t columns, scratch_words(context, conv.batch * group_blocks * positions));
    context.add({.shader = "conv_unfold",
                 .operands = {source, {columns, true}},
                 .push_constants = push_bytes(unfold_parameters{as_u32(conv.batch), as_u32(conv.group_inputs), window}),
                 .groups = groups_for(conv.batch * group_blocks * positions, 64, context.traits())});
    source = {columns, false};
  }
  const std::int64_t weight_words = groups * divide_up(group_outputs, 8) * steps * group_blocks * 8;
  TROUPE_TRY(const std::uint32_t weights, scratch_words(context, weight_words));
  context.add(
      {.shader = "conv_block_weights",
       .operands = {context.read(1), {weights, true}},
       .push_constants = push_bytes(weights_parameters{as_u32(conv.groups), as_u32(conv.group_outputs),
                                                       as_u32(conv.group_inputs), as_u32(merged), as_u32(taps)}),
       .specialization = {unfolded},
       .groups = groups_for(weight_words, 64, context.traits())});

  const tile_kind& tile = choose_tile(context.traits(), group_outputs, conv.batch * positions);
  const std::int64_t tiles =
      groups * divide_up(group_outputs, tile.outputs) * divide_up(conv.batch * positions, tile.positions);
  TROUPE_TRY(const activation ending, bounds_or_activation(context.step()));
  const bool has_bias = context.has_input(fused::bias_operand);
  const bool has_residual = context.has_input(fused::residual_operand);
  dispatch_operand bias = has_bias ? context.read(fused::bias_operand) : source;
  dispatch_operand residual = has_residual ? context.read(fused::residual_operand) : source;
  dispatch_operand kernel{weights, false};
  const std::int64_t largest = std::max({8 * weight_words, 8 * conv.batch * groups * group_blocks * source_positions,
                                         stored_elements(memory_layout::blocks, context.output_dims(0))});
  const bool texels = !tile.texel_shader.empty() && context.reads_texels(largest);
  source.texels = residual.texels = kernel.texels = bias.texels = texels;
  context.add({.shader = texels ? tile.texel_shader : tile.shader,
               .operands = {source, kernel, bias, residual, context.write(0)},
               .push_constants =
                   push_bytes(blocks_parameters{as_u32(conv.batch), as_u32(groups), as_u32(group_blocks),
                                                as_u32(group_outputs), has_bias, ending.a, ending.b, product_window}),
               .specialization = {unfolded || conv.window.is_pointwise(), static_cast<std::uint32_t>(ending.kind),
                                  has_residual},
               .groups = groups_for(divide_up(tiles, tile.group_tiles), 1, context.traits())});
  return {};
}

}  // namespace troupe
