// Softmax and LogSoftmax.
#include "kernels/softmax.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/reduction.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> softmax_reference(reference_context&);

result<softmax_shape> softmax_shape_of(const node& step, const shape& dims) {
  const bool coerces = step.version < 13;
  // A scalar is a row of one element, whatever the axis.
  if (dims.rank() == 0) return softmax_shape{};
  auto axis = normalize_axis(step.int_or("axis", coerces ? 1 : -1), dims.rank());
  if (!axis) return std::move(axis).while_doing("reading axis of " + step.describe()).error();
  if (coerces) return softmax_shape{dims.elements(0, *axis), dims.elements(*axis, dims.rank()), 1};
  return softmax_shape{dims.elements(0, *axis), dims[*axis], dims.elements(*axis + 1, dims.rank())};
}

namespace {

struct parameters {
  std::uint32_t rows, length, inner;
};

struct row_parameters {
  std::uint32_t rows, length;
};

/// A workgroup of 64 passes three times over a row: 49,152 rounds of the 65,535 that Mesa 22.3 lets an invocation's
/// loops run.
constexpr std::int64_t length_max = std::int64_t{1} << 20;
/// The same for a subgroup of eight; by length alone, so that a row's bits do not depend on its batch.
constexpr std::int64_t subgroup_length_max = std::int64_t{1} << 17;

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_CHECK(softmax_shape_of(context.step(), context.input_dims(0)));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const softmax_shape shape, softmax_shape_of(context.step(), context.input_dims(0)));
  const std::int64_t rows = shape.outer * shape.inner;
  if (rows == 0 || shape.length == 0) return {};
  if (shape.length > length_max)
    return fail(errc::unsupported, "{} normalises {} elements together; at most {} are supported on a device",
                context.step().describe(), shape.length, length_max);
  if (shape.inner == 1 && shape.length <= subgroup_length_max && subgroups_share_rows(context.traits())) {
    const bool wide = shape.length % 8 == 0;
    dispatch_operand source = context.read(0);
    source.texels = wide && context.reads_texels(rows * shape.length);
    context.add({.shader = source.texels ? "softmax_rows_texel" : "softmax_rows",
                 .operands = {source, context.write(0)},
                 .push_constants = push_bytes(row_parameters{as_u32(rows), as_u32(shape.length)}),
                 .specialization = {context.step().op == "LogSoftmax", wide},
                 .groups = groups_for(rows, 8, context.traits())});
    return {};
  }
  const bool cooperative = is_cooperative(context.traits(), shape.length);
  context.add({.shader = "softmax",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(parameters{as_u32(rows), as_u32(shape.length), as_u32(shape.inner)}),
               .specialization = {cooperative, context.step().op == "LogSoftmax"},
               .groups = groups_for(rows, cooperative ? 1 : 64, context.traits())});
  return {};
}

}  // namespace

operator_definition log_softmax_operator() {
  return {.name = "LogSoftmax", .infer = infer, .reference = softmax_reference, .lower = lower};
}

operator_definition softmax_operator() {
  return {.name = "Softmax", .infer = infer, .reference = softmax_reference, .lower = lower};
}

}  // namespace troupe
