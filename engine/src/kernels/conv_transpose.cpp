// ConvTranspose: a matrix product makes every tap's contribution at every input position, and a second kernel adds up
// those that meet at an output position.
#include "kernels/conv_transpose.hpp"

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> conv_transpose_reference(reference_context&);

namespace {

/// One invocation visits every tap; Mesa 22.3 ends its loops after 65,535 rounds.
constexpr std::int64_t rounds_max = 60000;

struct parameters {
  std::uint32_t count, channels, group_inputs, group_outputs;
  window_parameters window;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 3));
  TROUPE_CHECK(expect_same_float(context, 3));
  TROUPE_TRY(const auto conv, conv_transpose_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  if (context.has_input(2) && context.input_dims(2) != shape{conv.output[1]})
    return fail(errc::invalid_argument, "the bias of {} is {}; [{}] is needed", context.step().describe(),
                context.input_dims(2).to_string(), conv.output[1]);
  context.set_output(0, context.input_type(0), conv.output);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, 2}));
  TROUPE_TRY(const auto conv, conv_transpose_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  const std::int64_t count = conv.output.elements();
  if (count == 0) return {};
  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), conv.window));
  const std::int64_t taps = conv.window.taps();
  const std::int64_t positions = conv.window.output_plane();
  const std::int64_t rows = conv.group_outputs * taps;

  // Contributions [batch, group, output and tap, position], unless they are too many to hold.
  const std::int64_t elements = conv.batch * conv.groups * rows * positions;
  const auto storage_bytes = static_cast<std::int64_t>(size_of(context.storage()));
  const bool unfolded = elements < (std::int64_t{1} << 31) &&
                        elements * storage_bytes <= static_cast<std::int64_t>(context.traits().storage_range_max);
  const std::int64_t rounds = unfolded ? taps : taps * conv.group_inputs;
  if (rounds > rounds_max)
    return fail(errc::unsupported, "{} adds up {} terms for each result; at most {} are supported on a device",
                context.step().describe(), rounds, rounds_max);
  dispatch_operand source = context.read(0);
  if (unfolded) {
    const std::uint32_t products = context.scratch(elements);
    TROUPE_CHECK(add_gemm(
        context, {.left = context.read(1),
                  .right = context.read(0),
                  .target = {products, true},
                  .left_transposed = true,
                  .rows = rows,
                  .inner = conv.group_inputs,
                  .columns = positions,
                  .batch = {conv.batch, conv.groups},
                  .left_strides = {0, conv.group_inputs * rows},
                  .right_strides = {conv.groups * conv.group_inputs * positions, conv.group_inputs * positions}}));
    source = {products, false};
  }
  const bool has_bias = context.has_input(2);
  context.add({.shader = "conv_transpose",
               .operands = {source, context.read(1), context.read(has_bias ? 2 : 0), context.write(0)},
               .push_constants = push_bytes(parameters{as_u32(count), as_u32(conv.output[1]), as_u32(conv.group_inputs),
                                                       as_u32(conv.group_outputs), window}),
               .specialization = {unfolded, has_bias},
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition conv_transpose_operator() {
  return {.name = "ConvTranspose", .infer = infer, .reference = conv_transpose_reference, .lower = lower};
}

}  // namespace troupe
