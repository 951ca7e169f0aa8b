// Cast: from any element type to any other. Between float16 and float32 it runs on the device, where activations are
// all of one storage type.
#include "kernels/definitions.hpp"
#include "kernels/unary.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> cast_reference(reference_context&);

namespace {

/// The type that attribute `to` names, by its number in ONNX's TensorProto.DataType.
result<dtype> read_target(const node& step) {
  const std::int64_t to = step.int_or("to", 0);
  switch (to) {
    case 1: return dtype::f32;
    case 2: return dtype::u8;
    case 3: return dtype::i8;
    case 6: return dtype::i32;
    case 7: return dtype::i64;
    case 9: return dtype::boolean;
    case 10: return dtype::f16;
    case 11: return dtype::f64;
    case 8: return fail(errc::unsupported, "{} makes strings, which Troupe does not have", step.describe());
    default:
      return fail(errc::unsupported,
                  "{} casts to ONNX type {}; float16, float32, float64, int8, uint8, int32, int64 and bool exist",
                  step.describe(), to);
  }
}

/// Attribute `saturate` concerns 8-bit floating-point types only, which do not exist here.
result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_TRY(const dtype to, read_target(context.step()));
  context.set_output(0, to, context.input_dims(0));
  return {};
}

/// Both types are float16 or float32. Only fp32 storage can hold what float16 cannot, and then rounds it.
result<void> lower(lowering_context& context) {
  TROUPE_TRY(const dtype to, read_target(context.step()));
  if (context.storage() == dtype::f32 && to == dtype::f16)
    return add_unary(context, {.function = unary_function::round_to_half});
  context.alias(0, 0);
  return {};
}

}  // namespace

operator_definition cast_operator() {
  return {.name = "Cast", .since_version = 6, .infer = infer, .reference = cast_reference, .lower = lower};
}

}  // namespace troupe
