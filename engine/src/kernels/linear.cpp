// Linear: a product with the transposes of weights in block formats. Logits: the same with one weight, for the caller.
#include "kernels/definitions.hpp"
#include "kernels/gated_activation.hpp"
#include "kernels/linear_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> linear_reference(reference_context&);
result<void> logits_reference(reference_context&);

namespace {

constexpr std::size_t bias_at = 1, first_weight = 2;

result<void> check_x(const infer_context& context, const linear_shape& linear) {
  const shape& x = context.input_dims(0);
  if (!is_float(context.input_type(0)))
    return fail(errc::unsupported, "operand 0 of {} is {}; Troupe computes it for floating-point types",
                context.step().describe(), to_string(context.input_type(0)));
  if (x.rank() > 0 && x[x.rank() - 1] == linear.inner) return {};
  return fail(errc::invalid_argument, "{} multiplies {}; rows of {} elements are needed", context.step().describe(),
              x.to_string(), linear.inner);
}

result<shape> with_last_extent(const shape& dims, std::int64_t extent) {
  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  extents.back() = extent;
  return shape::make(extents);
}

result<void> infer_linear(infer_context& context) {
  const std::size_t count = context.input_count();
  TROUPE_CHECK(context.expect_inputs(1, count));
  TROUPE_CHECK(expect_bytes(context, first_weight, count));
  TROUPE_TRY(const linear_shape linear, linear_shape_of(node_view(context), first_weight, count));
  TROUPE_CHECK(check_x(context, linear));
  TROUPE_CHECK(check_bias(context, bias_at, linear.columns));
  TROUPE_CHECK(activation_of(context.step()));
  TROUPE_TRY(const shape dims, with_last_extent(context.input_dims(0), linear.columns));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_logits(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, first_weight + 1));
  TROUPE_CHECK(expect_bytes(context, first_weight, context.input_count()));
  TROUPE_TRY(const linear_shape linear, linear_shape_of(node_view(context), first_weight, context.input_count()));
  TROUPE_CHECK(check_x(context, linear));
  TROUPE_CHECK(check_bias(context, bias_at, linear.columns));
  TROUPE_TRY(const shape dims, with_last_extent(context.input_dims(0), linear.columns));
  context.set_output(0, dtype::f32, dims);
  return {};
}

/// What both have in common.
result<linear_work> work_of(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, bias_at}));
  linear_work work{.x = context.read(0), .target = context.write(0)};
  TROUPE_TRY(work.linear, linear_shape_of(node_view(context), first_weight, context.input_count()));
  work.rows = context.input_dims(0).elements() / work.linear.inner;
  return work;
}

/// The residual and the gate of what fuse_linear() made.
result<void> read_fused(lowering_context& context, linear_work& work) {
  const node& step = context.step();
  const shape& made = context.output_dims(0);
  const std::int64_t columns = made[made.rank() - 1];
  if (step.has(fused_linear::gate)) {
    TROUPE_TRY(const activation gate, gate_of(step, fused_linear::gate));
    work.gate = gate.kind;
  }
  const bool halves = work.gate != activation_kind::none;
  if (!(halves ? work.linear.columns % 2 == 0 && columns == work.linear.columns / 2 : columns == work.linear.columns))
    return fail(errc::invalid_argument, "{} makes rows of {} elements of {} columns", step.describe(), columns,
                work.linear.columns);
  if (!context.has_input(bias_at)) return {};
  if (!step.has(fused_linear::residual)) {
    work.bias = context.read(bias_at);
    return {};
  }
  if (context.input_dims(bias_at) != made)
    return fail(errc::invalid_argument, "{} adds {} to {}", step.describe(), context.input_dims(bias_at).to_string(),
                made.to_string());
  work.residual = context.read(bias_at);
  return {};
}

result<void> lower_linear(lowering_context& context) {
  TROUPE_TRY(linear_work work, work_of(context));
  TROUPE_TRY(work.activation, activation_of(context.step()));
  TROUPE_CHECK(read_fused(context, work));
  return add_linear(context, work);
}

result<void> lower_logits(lowering_context& context) {
  TROUPE_TRY(linear_work work, work_of(context));
  if (context.has_input(bias_at)) work.bias = context.read(bias_at);
  work.scale = context.step().float_or("scale", 1);
  work.softcap = context.step().float_or("softcap", 0);
  work.float_target = true;
  return add_linear(context, work);
}

}  // namespace

operator_definition linear_operator() {
  return {.name = "troupe.Linear",
          .byte_inputs_from = first_weight,
          .infer = infer_linear,
          .reference = linear_reference,
          .lower = lower_linear};
}

operator_definition logits_operator() {
  return {.name = "troupe.Logits",
          .byte_inputs_from = first_weight,
          .float32_outputs = {0},
          .infer = infer_logits,
          .reference = logits_reference,
          .lower = lower_logits};
}

}  // namespace troupe
