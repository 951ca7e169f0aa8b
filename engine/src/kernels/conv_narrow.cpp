// Convolutions with so many terms that they must be cut into slices.
#include "kernels/activation.hpp"
#include "kernels/conv.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"

namespace troupe {
namespace {

struct narrow_parameters {
  std::uint32_t batch, groups, group_inputs, group_outputs, slice_length;
  window_parameters window;
};

struct finish_parameters {
  std::uint32_t count;
  float activation_a, activation_b;
};

}  // namespace

result<void> add_conv_narrow(lowering_context& context, const conv_shape& conv) {
  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  TROUPE_TRY(const reduction_slices slices, slices_of(context, conv.group_inputs * conv.window.taps()));
  const std::int64_t elements = context.output_dims(0).elements();
  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t channels = conv.groups * conv.group_outputs;
  const bool sliced = slices.count > 1;
  std::uint32_t partial = 0;
  if (sliced) {
    TROUPE_TRY(partial, slice_scratch(context, slices, elements));
  }
  const bool has_bias = context.has_input(fused::bias_operand);
  const dispatch_operand bias = context.read(has_bias ? fused::bias_operand : 0);
  TROUPE_TRY(const activation ending, activation_of(context.step()));
  const bool has_residual = context.has_input(fused::residual_operand);
  const bool finishes = has_residual || ending.kind != activation_kind::none;
  const dispatch_operand target =
      finishes ? dispatch_operand{.slot = context.scratch(elements), .written = true} : context.write(0);
  const std::int64_t tiles = conv.batch * channels * ((positions + 31) / 32) * 8;
  auto groups = groups_for(tiles, 64, context.traits());
  groups[2] = slices.count;
  context.add({.shader = "conv_narrow",
               .operands = {context.read(0), context.read(1), bias, sliced ? dispatch_operand{partial, true} : target},
               .push_constants =
                   push_bytes(narrow_parameters{as_u32(conv.batch), as_u32(conv.groups), as_u32(conv.group_inputs),
                                                as_u32(conv.group_outputs), slices.length, window}),
               .specialization = {has_bias && !sliced, sliced},
               .groups = groups});
  if (sliced) {
    std::optional<gemm_addend> addend;
    if (has_bias) addend = gemm_addend{.operand = bias, .row_stride = 1};
    add_combine(context, partial, slices, elements, channels, positions, 1.0f, addend, target);
  }
  if (!finishes) return {};
  context.add(
      {.shader = "finish",
       .operands = {{.slot = target.slot}, context.read(has_residual ? fused::residual_operand : 0), context.write(0)},
       .push_constants = push_bytes(finish_parameters{as_u32(elements), ending.a, ending.b}),
       .specialization = {has_residual, static_cast<std::uint32_t>(ending.kind)},
       .groups = groups_for(elements, 64, context.traits())});
  return {};
}

}  // namespace troupe
