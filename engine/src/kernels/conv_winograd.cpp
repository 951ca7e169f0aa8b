// Convolutions of 3 x 3 taps by Winograd's minimal filtering, for software devices: a quarter of the products, done at
// the 36 points of winograd.glsl. Everything in between is fp32, so that nothing is lost to binary16.
#include <algorithm>

#include "kernels/activation.hpp"
#include "kernels/conv.hpp"
#include "kernels/divide_up.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct weights_parameters {
  std::uint32_t outputs, channels;
};

struct input_parameters {
  std::uint32_t positions, first_position, blocks, in_y, in_x, tiles_y, tiles_x;
  std::int32_t pad_y, pad_x;
};

struct product_parameters {
  std::uint32_t positions, in_blocks, out_blocks;
};

struct output_parameters {
  std::uint32_t positions, first_position, outputs, out_y, out_x, tiles_y, tiles_x, has_bias;
  float activation_a, activation_b;
};

constexpr std::int64_t points = 36;
constexpr std::int64_t tile_extent = 4;  ///< of outputs
/// Positions are served in turns of so many bytes for a step, or of one full tile: what a step leaves then stays in the
/// caches of the cores until the next one takes it.
constexpr std::int64_t step_bytes_max = std::int64_t{4} << 20;

/// Of one image: for fewer, reading the weights, which are eight times as many bytes at the points, is what takes the
/// time. Measured with ResNet-18 and ResNet-50, whose 7 x 7 images are slower this way and 14 x 14 ones faster.
constexpr std::int64_t tiles_min = 16;
/// For fewer, moving values to the points and back costs what the products save.
constexpr std::int64_t channels_min = 16;

std::int64_t tiles_of(const conv_shape& conv) {
  return divide_up(conv.window.output[1], tile_extent) * divide_up(conv.window.output[2], tile_extent);
}

/// Bytes of one position's inputs, or products, at the points.
std::int64_t position_bytes(const conv_shape& conv) {
  return points * divide_up(std::max(conv.group_inputs, conv.group_outputs), 8) * 8 * 4;
}

std::int64_t weight_bytes(const conv_shape& conv) {
  return points * divide_up(conv.group_inputs, 8) * divide_up(conv.group_outputs, 8) * 64 * 4;
}

/// What a subgroup computes of the products at a point.
struct product_kernel {
  std::string_view shader, texel_shader;
  std::int64_t outputs, positions;
};
constexpr product_kernel wide_product{"conv_winograd_product", "conv_winograd_product_texel", 16, 56};
constexpr product_kernel small_product{"conv_winograd_product_small", "conv_winograd_product_small_texel", 32, 16};

}  // namespace

bool winograd_serves(const lowering_context& context, const conv_shape& conv) {
  const device_traits& traits = context.traits();
  const sliding_window& window = conv.window;
  if (!traits.software || traits.subgroup_size != 8 || !traits.subgroup_shuffle) return false;
  // Of fp32 storage callers expect the digits of a sum that is not rearranged.
  if (context.storage() != dtype::f16) return false;
  const bool fits = window.kernel == sliding_window::extents{1, 3, 3} &&
                    window.stride == sliding_window::extents{1, 1, 1} &&
                    window.dilation == sliding_window::extents{1, 1, 1} && window.output[0] == 1 &&
                    window.pad_begin[0] == 0 && conv.groups == 1;
  if (!fits) return false;
  const auto limit = static_cast<std::int64_t>(
      std::min(traits.storage_range_max, std::min(traits.texel_elements_max, std::uint64_t{1} << 27) * 16));
  if (std::max(wide_product.positions * position_bytes(conv), weight_bytes(conv)) > limit) return false;
  return tiles_of(conv) >= tiles_min && conv.group_inputs >= channels_min && conv.group_outputs >= channels_min;
}

result<void> add_conv_winograd(lowering_context& context, const conv_shape& conv) {
  const sliding_window& window = conv.window;
  const device_traits& traits = context.traits();
  const std::int64_t in_blocks = divide_up(conv.group_inputs, 8), out_blocks = divide_up(conv.group_outputs, 8);
  const std::int64_t all_positions = conv.batch * tiles_of(conv);
  const std::int64_t full_tiles =
      std::max<std::int64_t>(1, step_bytes_max / position_bytes(conv) / wide_product.positions);
  const std::int64_t positions_at_once = std::min(all_positions, full_tiles * wide_product.positions);
  const std::int64_t stored =
      conv.batch * 8 * std::max(in_blocks * window.input_plane(), out_blocks * window.output_plane());
  if (stored >= std::int64_t{1} << 31)
    return fail(errc::unsupported, "{} has {} elements in blocks of channels; a device computes with fewer than {}",
                context.step().describe(), stored, std::int64_t{1} << 31);
  const bool texels = traits.texel_reads && context.reads_texels(stored);

  const std::uint32_t weights = context.scratch_bytes(weight_bytes(conv));
  context.add({.shader = "conv_winograd_weights",
               .operands = {context.read(1), {weights, true}},
               .push_constants = push_bytes(weights_parameters{as_u32(conv.group_outputs), as_u32(conv.group_inputs)}),
               .groups = groups_for(in_blocks * out_blocks * 64, 64, traits)});

  const std::uint32_t inputs = context.scratch_bytes(points * in_blocks * 32 * positions_at_once);
  const std::uint32_t products = context.scratch_bytes(points * out_blocks * 32 * positions_at_once);
  TROUPE_TRY(const activation ending, bounds_or_activation(context.step()));
  const bool has_bias = context.has_input(fused::bias_operand);
  const bool has_residual = context.has_input(fused::residual_operand);
  const auto read = [&](dispatch_operand operand) {
    operand.texels = texels;
    return operand;
  };
  const dispatch_operand source = read(context.read(0));
  const dispatch_operand bias = has_bias ? read(context.read(fused::bias_operand)) : source;
  const dispatch_operand residual = has_residual ? read(context.read(fused::residual_operand)) : source;

  for (std::int64_t first = 0; first < all_positions; first += positions_at_once) {
    const std::int64_t positions = std::min(positions_at_once, all_positions - first);
    const auto tiles_y = as_u32(divide_up(window.output[1], tile_extent));
    const auto tiles_x = as_u32(divide_up(window.output[2], tile_extent));
    context.add({.shader = texels ? "conv_winograd_input_texel" : "conv_winograd_input",
                 .operands = {source, {inputs, true}},
                 .push_constants = push_bytes(input_parameters{
                     as_u32(positions), as_u32(first), as_u32(in_blocks), as_u32(window.input[1]),
                     as_u32(window.input[2]), tiles_y, tiles_x, static_cast<std::int32_t>(window.pad_begin[1]),
                     static_cast<std::int32_t>(window.pad_begin[2])}),
                 .groups = groups_for(4 * in_blocks * positions, 64, traits)});
    const auto tiles_by = [&](const product_kernel& kernel) {
      return points * divide_up(8 * out_blocks, kernel.outputs) * divide_up(positions, kernel.positions);
    };
    const product_kernel& kernel = positions <= small_product.positions ? small_product : wide_product;
    context.add(
        {.shader = texels ? kernel.texel_shader : kernel.shader,
         .operands = {read({inputs}), read({weights}), {products, true}},
         .push_constants = push_bytes(product_parameters{as_u32(positions), as_u32(in_blocks), as_u32(out_blocks)}),
         .groups = groups_for(8 * tiles_by(kernel), 64, traits)});
    context.add({.shader = texels ? "conv_winograd_output_texel" : "conv_winograd_output",
                 .operands = {read({products}), bias, residual, context.write(0)},
                 .push_constants = push_bytes(output_parameters{
                     as_u32(positions), as_u32(first), as_u32(conv.group_outputs), as_u32(window.output[1]),
                     as_u32(window.output[2]), tiles_y, tiles_x, has_bias, ending.a, ending.b}),
                 .specialization = {static_cast<std::uint32_t>(ending.kind), has_residual},
                 .groups = groups_for(2 * out_blocks * positions, 64, traits)});
  }
  return {};
}

}  // namespace troupe
