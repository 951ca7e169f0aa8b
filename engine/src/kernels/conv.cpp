// Conv over one to three spatial axes.
#include "kernels/conv.hpp"

#include <limits>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> conv_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, has_fused_operands(context.step()) ? 4 : 3));
  TROUPE_CHECK(activation_of(context.step()));
  TROUPE_CHECK(expect_same_float(context, 4));
  const shape& weights = context.input_dims(1);
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input_dims(0), weights));
  if (context.has_input(2) && context.input_dims(2) != shape{weights[0]})
    return fail(errc::invalid_argument, "the bias {} of {} does not have {} elements",
                context.input_dims(2).to_string(), context.step().describe(), weights[0]);
  TROUPE_TRY(const shape output, conv.window.output_shape(conv.batch, weights[0]));
  if (context.has_input(fused::residual_operand) && context.input_dims(fused::residual_operand) != output)
    return fail(errc::invalid_argument, "the residual {} of {} does not have the shape {} of its result",
                context.input_dims(fused::residual_operand).to_string(), context.step().describe(), output.to_string());
  context.set_output(0, context.input_type(0), output);
  return {};
}

layout_offer layouts(const lowering_context& context) {
  const auto conv = conv_shape_of(context.step(), context.input_dims(0), context.input_dims(1));
  if (!conv) return {};
  const conv_way way = conv_way_of(*conv);
  if (way == conv_way::narrow) return {};
  return {
      .when = layout_offer::mode::blocks, .inputs = {way != conv_way::unfolded, false, false, true}, .outputs = {true}};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1, 2, 3}));
  TROUPE_TRY(const conv_shape conv, conv_shape_of(context.step(), context.input_dims(0), context.input_dims(1)));
  if (context.output_dims(0).elements() == 0) return {};
  switch (conv_way_of(conv)) {
    case conv_way::depthwise: return add_conv_depthwise(context, conv);
    case conv_way::blocks:
      return winograd_serves(context, conv) ? add_conv_winograd(context, conv) : add_conv_blocks(context, conv, false);
    case conv_way::unfolded: return add_conv_blocks(context, conv, true);
    case conv_way::narrow: break;
  }
  return add_conv_narrow(context, conv);
}

}  // namespace

result<activation> bounds_or_activation(const node& step) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  TROUPE_TRY(const activation ending, activation_of(step));
  if (ending.kind == activation_kind::none) return activation{activation_kind::clip, -infinity, infinity};
  if (ending.kind == activation_kind::relu) return activation{activation_kind::clip, 0, infinity};
  return ending;
}

operator_definition conv_operator() {
  return {.name = "Conv", .infer = infer, .reference = conv_reference, .lower = lower, .layouts = layouts};
}

}  // namespace troupe
