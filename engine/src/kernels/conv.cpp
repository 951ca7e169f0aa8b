// Conv over one to three spatial axes. Three ways on a device: a matrix product when the kernel is a point, tiles of
// eight output channels when a group has several, one channel at a time when it has few (depthwise).
#include "kernels/conv.hpp"

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> conv_reference(reference_context&);

namespace {

struct weights_parameters {
  std::uint32_t groups, group_outputs, group_inputs, taps;
};

struct conv_parameters {
  std::uint32_t batch, groups, group_inputs, group_outputs, slice_length;
  window_parameters window;
};

/// From this many output channels in a group on, tiles of eight waste less than they save.
constexpr std::int64_t tile_outputs_min = 5;

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

/// Appends the rearrangement of the weights and returns the slot that holds them.
result<std::uint32_t> add_packed_weights(lowering_context& context, const conv_shape& conv) {
  const std::int64_t rows = conv.groups * ((conv.group_outputs + 7) / 8) * conv.window.taps() * conv.group_inputs;
  if (rows >= std::int64_t{1} << 28)
    return fail(errc::unsupported, "the weights {} of {} are too large for a device", context.input_dims(1).to_string(),
                context.step().describe());
  const std::uint32_t packed = context.scratch(rows * 8);
  context.add({.shader = "conv_weights",
               .operands = {context.read(1), {packed, true}},
               .push_constants = push_bytes(weights_parameters{as_u32(conv.groups), as_u32(conv.group_outputs),
                                                               as_u32(conv.group_inputs), as_u32(conv.window.taps())}),
               .groups = groups_for(rows, 64, context.traits())});
  return packed;
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, 2}));
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  const std::int64_t elements = context.output_dims(0).elements();
  if (elements == 0) return {};
  if (conv.groups == 1 && conv.window.is_pointwise()) return lower_pointwise(context, conv);

  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  TROUPE_TRY(const reduction_slices slices, slices_of(context, conv.group_inputs * conv.window.taps()));
  const bool tiled = conv.group_outputs >= tile_outputs_min;
  dispatch_operand weights = context.read(1);
  if (tiled) {
    TROUPE_TRY(weights.slot, add_packed_weights(context, conv));
  }
  const bool sliced = slices.count > 1;
  const std::uint32_t partial = sliced ? slice_scratch(context, slices, elements) : 0;
  const bool has_bias = context.has_input(2);
  const dispatch_operand bias = context.read(has_bias ? 2 : 0);

  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t channel_blocks = conv.groups * (tiled ? (conv.group_outputs + 7) / 8 : conv.group_outputs);
  auto groups = groups_for(conv.batch * channel_blocks * ((positions + 31) / 32 * 8), 64, context.traits());
  groups[2] = slices.count;
  context.add(
      {.shader = tiled ? "conv_tile" : "conv_narrow",
       .operands = {context.read(0), weights, bias, sliced ? dispatch_operand{partial, true} : context.write(0)},
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
