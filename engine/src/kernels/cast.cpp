// Cast and CastLike: from any element type to any other. Between float16 and float32 they run on the device, where
// activations are all of one storage type.
#include "kernels/definitions.hpp"
#include "kernels/element_type.hpp"
#include "kernels/unary.hpp"

namespace troupe {

result<void> cast_reference(reference_context&);

namespace {

/// Attribute `saturate` concerns 8-bit floating-point types only, which do not exist here.
result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_TRY(const dtype to, element_type_of(context.step(), context.step().int_or("to", 0)));
  context.set_output(0, to, context.input_dims(0));
  return {};
}

result<void> infer_like(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  context.set_output(0, context.input_type(1), context.input_dims(0));
  return {};
}

/// Both types are float16 or float32. Only fp32 storage can hold what float16 cannot, and then rounds it.
result<void> lower(lowering_context& context) {
  if (context.storage() == dtype::f32 && context.output_type(0) == dtype::f16)
    return add_unary(context, {.function = unary_function::round_to_half});
  context.alias(0, 0);
  return {};
}

}  // namespace

operator_definition cast_operator() {
  return {.name = "Cast", .since_version = 6, .infer = infer, .reference = cast_reference, .lower = lower};
}

operator_definition cast_like_operator() {
  return {.name = "CastLike", .since_version = 15, .infer = infer_like, .reference = cast_reference, .lower = lower};
}

}  // namespace troupe
