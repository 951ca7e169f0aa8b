// Conv over one to three spatial axes. Five ways on a device: a matrix product when the kernel is a point, a matrix
// product over the unfolded input when it has few channels (an image), tiles of 16 output channels when a group has
// several, blocks of channels when each is its own group (depthwise), and one channel at a time otherwise.
#include "kernels/conv.hpp"

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> conv_reference(reference_context&);

namespace {

/// For conv_unfold and conv_depthwise.
struct channel_parameters {
  std::uint32_t batch, channels;
  window_parameters window;
};

struct unfold_weights_parameters {
  std::uint32_t outputs, channels, taps;
};

struct input_parameters {
  std::uint32_t groups, channels, positions;
};

struct weights_parameters {
  std::uint32_t groups, outputs, channels, taps, output_blocks;
};

struct conv_parameters {
  std::uint32_t batch, groups, group_inputs, group_outputs, slice_length;
  window_parameters window;
};

/// From this many output channels in a group on, tiles of 16 waste less than they save.
constexpr std::int64_t tiled_outputs_min = 5;
/// One invocation walks all taps of a depthwise kernel; see slice_length of gemm_dispatch.cpp.
constexpr std::int64_t depthwise_taps_max = 16384;
/// Up to this many input channels, blocks of eight waste more than unfolding the input costs.
constexpr std::int64_t unfolded_inputs_max = 4;
/// The unfolded input must fit one binding of the smallest allowed size, 128 MiB, in either storage type. A larger
/// batch goes the way of more channels, which adds up the same products in the same order: the bits do not change.
constexpr std::int64_t unfolded_elements_max = std::int64_t{1} << 25;
/// More taps would be cut into slices, at other places than in tiles.
constexpr std::int64_t unfolded_taps_max = 2048;

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 3));
  TROUPE_CHECK(expect_same_float(context, 3));
  const shape& weights = context.input_dims(1);
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input_dims(0), weights));
  if (context.has_input(2) && context.input_dims(2) != shape{weights[0]})
    return fail(errc::invalid_argument, "the bias {} of {} does not have {} elements",
                context.input_dims(2).to_string(), context.step().describe(), weights[0]);
  TROUPE_TRY(const shape output, conv.window.output_shape(conv.batch, weights[0]));
  context.set_output(0, context.input_type(0), output);
  return {};
}

/// [outputs, inputs] x [inputs, positions] for every image.
result<void> lower_pointwise(lowering_context& context, const conv_shape& conv) {
  const std::int64_t positions = conv.window.output_plane();
  gemm_work work{.left = context.read(1),
                 .right = context.read(0),
                 .target = context.write(0),
                 .rows = conv.group_outputs,
                 .inner = conv.group_inputs,
                 .columns = positions,
                 .batch = {conv.batch},
                 .left_strides = {0},
                 .right_strides = {conv.group_inputs * positions}};
  if (context.has_input(2)) work.addend = gemm_addend{.operand = context.read(2), .row_stride = 1};
  return add_gemm(context, std::move(work));
}

/// [outputs, taps and inputs] x [taps and inputs, positions] for every image.
result<void> lower_unfolded(lowering_context& context, const conv_shape& conv, const window_parameters& window) {
  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t inner = conv.group_inputs * conv.window.taps();
  const std::int64_t row_eights = divide_up(inner, 8);
  const std::uint32_t unfolded = context.scratch(conv.batch * positions * row_eights * 8);
  const std::uint32_t weights = context.scratch(conv.group_outputs * row_eights * 8);
  context.add({.shader = "conv_unfold",
               .operands = {context.read(0), {unfolded, true}},
               .push_constants = push_bytes(channel_parameters{as_u32(conv.batch), as_u32(conv.group_inputs), window}),
               .groups = groups_for(conv.batch * positions * row_eights, 64, context.traits())});
  context.add({.shader = "conv_unfold_weights",
               .operands = {context.read(1), {weights, true}},
               .push_constants = push_bytes(unfold_weights_parameters{
                   as_u32(conv.group_outputs), as_u32(conv.group_inputs), as_u32(conv.window.taps())}),
               .groups = groups_for(conv.group_outputs * row_eights, 64, context.traits())});
  gemm_work work{.left = {weights, false},
                 .right = {unfolded, false},
                 .target = context.write(0),
                 .right_transposed = true,
                 .aligned = true,
                 .rows = conv.group_outputs,
                 .inner = inner,
                 .columns = positions,
                 .batch = {conv.batch},
                 .left_strides = {0},
                 .right_strides = {positions * row_eights * 8}};
  if (context.has_input(2)) work.addend = gemm_addend{.operand = context.read(2), .row_stride = 1};
  return add_gemm(context, std::move(work));
}

/// Scratch for `eights` groups of eight elements.
result<std::uint32_t> add_scratch(lowering_context& context, std::int64_t eights) {
  if (eights >= std::int64_t{1} << 28)
    return fail(errc::unsupported, "{} rearranges {} elements; a device computes with fewer than {}",
                context.step().describe(), 8 * eights, std::int64_t{1} << 31);
  return context.scratch(8 * eights);
}

/// Appends the rearrangement of `source`, seen as [groups, channels, positions], into blocks of eight channels, and
/// returns what holds them.
result<dispatch_operand> add_blocks(lowering_context& context, dispatch_operand source, std::int64_t groups,
                                    std::int64_t channels, std::int64_t positions) {
  const std::int64_t eights = groups * divide_up(channels, 8) * positions;
  TROUPE_TRY(const std::uint32_t blocked, add_scratch(context, eights));
  context.add({.shader = "conv_input",
               .operands = {source, {blocked, true}},
               .push_constants = push_bytes(input_parameters{as_u32(groups), as_u32(channels), as_u32(positions)}),
               .groups = groups_for(eights, 64, context.traits())});
  return dispatch_operand{blocked, false};
}

/// One input and one output channel in every group.
result<void> lower_depthwise(lowering_context& context, const conv_shape& conv, const window_parameters& window) {
  const std::int64_t channels = conv.groups;
  TROUPE_TRY(const auto input, add_blocks(context, context.read(0), conv.batch, channels, conv.window.input_plane()));
  TROUPE_TRY(const auto weights, add_blocks(context, context.read(1), 1, channels, conv.window.taps()));
  const bool has_bias = context.has_input(2);
  const std::int64_t tiles = conv.batch * divide_up(channels, 8) * divide_up(conv.window.output_plane(), 32) * 8;
  context.add({.shader = "conv_depthwise",
               .operands = {input, weights, has_bias ? context.read(2) : input, context.write(0)},
               .push_constants = push_bytes(channel_parameters{as_u32(conv.batch), as_u32(channels), window}),
               .specialization = {has_bias},
               .groups = groups_for(tiles, 64, context.traits())});
  return {};
}

/// Appends the rearrangement of the weights for tiles and returns the slot that holds them.
result<std::uint32_t> add_blocked_weights(lowering_context& context, const conv_shape& conv) {
  const std::int64_t output_blocks = 2 * divide_up(conv.group_outputs, 16);
  const std::int64_t taps = conv.window.taps();
  const std::int64_t eights = conv.groups * output_blocks * taps * divide_up(conv.group_inputs, 8) * 8;
  TROUPE_TRY(const std::uint32_t blocked, add_scratch(context, eights));
  context.add(
      {.shader = "conv_weights",
       .operands = {context.read(1), {blocked, true}},
       .push_constants = push_bytes(weights_parameters{as_u32(conv.groups), as_u32(conv.group_outputs),
                                                       as_u32(conv.group_inputs), as_u32(taps), as_u32(output_blocks)}),
       .groups = groups_for(eights, 64, context.traits())});
  return blocked;
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, 2}));
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  const std::int64_t elements = context.output_dims(0).elements();
  if (elements == 0) return {};
  if (conv.groups == 1 && conv.window.is_pointwise()) return lower_pointwise(context, conv);

  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  const std::int64_t unfolded =
      conv.batch * conv.window.output_plane() * divide_up(conv.group_inputs * conv.window.taps(), 8) * 8;
  if (conv.groups == 1 && conv.group_inputs > 0 && conv.group_inputs <= unfolded_inputs_max &&
      conv.group_outputs >= tiled_outputs_min && conv.window.taps() <= unfolded_taps_max &&
      unfolded <= unfolded_elements_max)
    return lower_unfolded(context, conv, window);

  if (conv.group_inputs == 1 && conv.group_outputs == 1 && conv.groups > 1 && conv.window.taps() <= depthwise_taps_max)
    return lower_depthwise(context, conv, window);

  const bool tiled = conv.group_outputs >= tiled_outputs_min && conv.group_inputs > 0;
  const std::int64_t summed_channels = tiled ? 8 * divide_up(conv.group_inputs, 8) : conv.group_inputs;
  TROUPE_TRY(const reduction_slices slices, slices_of(context, summed_channels * conv.window.taps()));
  dispatch_operand input = context.read(0);
  dispatch_operand weights = context.read(1);
  if (tiled) {
    TROUPE_TRY(input,
               add_blocks(context, input, conv.batch * conv.groups, conv.group_inputs, conv.window.input_plane()));
    TROUPE_TRY(weights.slot, add_blocked_weights(context, conv));
  }
  const bool sliced = slices.count > 1;
  std::uint32_t partial = 0;
  if (sliced) {
    TROUPE_TRY(partial, slice_scratch(context, slices, elements));
  }
  const bool has_bias = context.has_input(2);
  const dispatch_operand bias = context.read(has_bias ? 2 : 0);

  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t channel_tiles = conv.groups * (tiled ? divide_up(conv.group_outputs, 16) : conv.group_outputs);
  const bool shares_rows = context.traits().software && context.traits().subgroup_size == 8;
  auto groups = groups_for(conv.batch * channel_tiles * divide_up(positions, 32) * 8, 64, context.traits());
  groups[2] = slices.count;
  context.add(
      {.shader = !tiled        ? "conv_narrow"
                 : shares_rows ? "conv_tile_shared"
                               : "conv_tile",
       .operands = {input, weights, bias, sliced ? dispatch_operand{partial, true} : context.write(0)},
       .push_constants = push_bytes(conv_parameters{as_u32(conv.batch), as_u32(conv.groups), as_u32(conv.group_inputs),
                                                    as_u32(conv.group_outputs), slices.length, window}),
       .specialization = {has_bias && !sliced, sliced},
       .groups = groups});
  if (sliced) {
    std::optional<gemm_addend> addend;
    if (has_bias) addend = gemm_addend{.operand = bias, .row_stride = 1};
    add_combine(context, partial, slices, elements, conv.groups * conv.group_outputs, positions, 1.0f, addend,
                context.write(0));
  }
  return {};
}

}  // namespace

operator_definition conv_operator() {
  return {.name = "Conv", .infer = infer, .reference = conv_reference, .lower = lower};
}

}  // namespace troupe
