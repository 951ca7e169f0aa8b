// PackRows and UnpackRows: activations as int8 with a scale for each row, for the way between two parts of a model. On
// the host, where what a part gives is anyway. Only `compress_cuts` makes them.
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> pack_rows_reference(reference_context&);
result<void> unpack_rows_reference(reference_context&);

namespace {

/// A row of fewer elements would hardly become smaller with a scale of its own.
constexpr std::int64_t row_length_min = 32;

/// The scales' shape. A row lies along the last axis, and along those before it while it is short. Never along the
/// first, which may be a batch: a row's bits must not depend on its neighbours.
result<shape> rows_of(const shape& dims) {
  std::size_t axes = dims.rank();
  for (std::int64_t length = 1; axes > 1 && length < row_length_min;) length *= dims[--axes];
  return shape::make(dims.extents().first(axes));
}

result<void> infer_pack(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  if (!is_float(context.input_type(0)))
    return fail(errc::invalid_argument, "{} packs floating-point values, not {}", context.step().describe(),
                to_string(context.input_type(0)));
  TROUPE_TRY(const shape rows, rows_of(context.input_dims(0)));
  context.set_output(0, dtype::i8, context.input_dims(0));
  context.set_output(1, dtype::f32, rows);
  return {};
}

result<void> infer_unpack(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(const shape rows, rows_of(context.input_dims(0)));
  if (context.input_type(0) != dtype::i8 || context.input_type(1) != dtype::f32 || context.input_dims(1) != rows)
    return fail(errc::invalid_argument, "{} cannot unpack {}{} with the scales {}{}", context.step().describe(),
                to_string(context.input_type(0)), context.input_dims(0).to_string(), to_string(context.input_type(1)),
                context.input_dims(1).to_string());
  context.set_output(0, context.step().int_or("half", 0) != 0 ? dtype::f16 : dtype::f32, context.input_dims(0));
  return {};
}

}  // namespace

operator_definition pack_rows_operator() {
  return {.name = "troupe.PackRows", .infer = infer_pack, .reference = pack_rows_reference};
}

operator_definition unpack_rows_operator() {
  return {.name = "troupe.UnpackRows", .infer = infer_unpack, .reference = unpack_rows_reference};
}

}  // namespace troupe
