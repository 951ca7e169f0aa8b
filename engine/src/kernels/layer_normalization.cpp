// LayerNormalization and RMSNormalization: rows from some axis on, with a factor (and an offset) for each element.
#include "kernels/layer_normalization.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/row_normalization.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> layer_normalization_reference(reference_context&);
result<void> rms_normalization_reference(reference_context&);

result<layer_normalization> layer_normalization_of(const node& step, const shape& dims) {
  auto axis = normalize_axis(step.int_or("axis", -1), dims.rank());
  if (!axis) return std::move(axis).while_doing("reading axis of " + step.describe()).error();
  layer_normalization made;
  made.axis = *axis;
  made.rows = dims.elements(0, *axis);
  made.length = dims.elements(*axis, dims.rank());
  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  std::fill(extents.begin() + static_cast<std::ptrdiff_t>(*axis), extents.end(), 1);
  TROUPE_TRY(made.statistics, shape::make(extents));
  // The numbers of ONNX's element types.
  switch (step.int_or("stash_type", 1)) {
    case 1: made.statistics_type = dtype::f32; break;
    case 10: made.statistics_type = dtype::f16; break;
    case 11: made.statistics_type = dtype::f64; break;
    default:
      return fail(errc::unsupported, "stash_type of {} is {}; 1, 10 and 11 (float32, float16, float64) are supported",
                  step.describe(), step.int_or("stash_type", 1));
  }
  return made;
}

namespace {

/// Factors and offsets must broadcast to the operand without making it larger.
result<void> expect_broadcast(const infer_context& context, std::size_t operand) {
  if (!context.has_input(operand)) return {};
  const auto joint = broadcast(context.input_dims(0), context.input_dims(operand));
  if (joint && *joint == context.input_dims(0)) return {};
  return fail(errc::invalid_argument, "operand {} of {} is {}, which does not broadcast to the input {}", operand,
              context.step().describe(), context.input_dims(operand).to_string(), context.input_dims(0).to_string());
}

result<void> infer_layer_normalization(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 3));
  TROUPE_CHECK(expect_same_float(context, 3));
  TROUPE_TRY(const auto plan, layer_normalization_of(context.step(), context.input_dims(0)));
  TROUPE_CHECK(expect_broadcast(context, 1));
  TROUPE_CHECK(expect_broadcast(context, 2));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  context.set_output(1, plan.statistics_type, plan.statistics);
  context.set_output(2, plan.statistics_type, plan.statistics);
  return {};
}

result<void> infer_rms_normalization(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  for (std::size_t i = 0; i < 2; ++i)
    if (!is_float(context.input_type(i)))
      return fail(errc::invalid_argument, "operand {} of {} is {}; floating-point types are allowed", i,
                  context.step().describe(), to_string(context.input_type(i)));
  TROUPE_CHECK(layer_normalization_of(context.step(), context.input_dims(0)));
  TROUPE_CHECK(expect_broadcast(context, 1));
  context.set_output(0, context.input_type(1), context.input_dims(0));
  return {};
}

/// Operand `i` as a pattern over the rows; where its own shape is not one, a copy of it is.
result<row_pattern> pattern_of(lowering_context& context, const layer_normalization& plan, std::size_t i) {
  const shape& given = context.input_dims(i);
  const shape& dims = context.input_dims(0);
  if (given.elements() == 1) return row_pattern{context.read(i), 0, 1, 1};
  const std::size_t missing = dims.rank() - given.rank();
  const auto leading = given.elements(0, plan.axis > missing ? plan.axis - missing : 0);
  if (given.elements() == plan.length && leading == 1) return row_pattern{context.read(i), plan.length, 1, plan.length};

  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  if (leading == 1) std::fill_n(extents.begin(), plan.axis, 1);
  TROUPE_TRY(const shape whole, shape::make(extents));
  const std::uint32_t copy = context.scratch(whole.elements());
  const strided_walk walk{.extents = whole,
                          .first = {.base = 0, .strides = broadcast_strides(given, whole)},
                          .second = {.base = 0, .strides = whole.strides()}};
  TROUPE_CHECK(add_copy(context, context.read(i), {copy, true}, walk));
  return row_pattern{{copy, false}, plan.length, 1, whole.elements()};
}

std::optional<dispatch_operand> wanted_output(lowering_context& context, std::size_t i) {
  const auto& outputs = context.step().outputs;
  if (i >= outputs.size() || outputs[i] == no_value) return std::nullopt;
  return context.write(i);
}

result<void> lower_rows(lowering_context& context, bool centered) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const auto plan, layer_normalization_of(context.step(), context.input_dims(0)));
  row_normalization work{.source = context.read(0),
                         .target = context.write(0),
                         .rows = plan.rows,
                         .length = plan.length,
                         .centered = centered,
                         .epsilon = context.step().float_or("epsilon", 1e-5f),
                         .scale = {},
                         .offset = {},
                         .means = wanted_output(context, 1),
                         .factors = wanted_output(context, 2)};
  TROUPE_TRY(work.scale, pattern_of(context, plan, 1));
  if (context.has_input(2)) {
    TROUPE_TRY(work.offset, pattern_of(context, plan, 2));
  }
  return add_row_normalization(context, work);
}

result<void> lower_layer_normalization(lowering_context& context) {
  return lower_rows(context, true);
}

result<void> lower_rms_normalization(lowering_context& context) {
  return lower_rows(context, false);
}

}  // namespace

operator_definition layer_normalization_operator() {
  return {.name = "LayerNormalization",
          .since_version = 17,
          .infer = infer_layer_normalization,
          .reference = layer_normalization_reference,
          .lower = lower_layer_normalization};
}

operator_definition rms_normalization_operator() {
  return {.name = "RMSNormalization",
          .since_version = 23,
          .infer = infer_rms_normalization,
          .reference = rms_normalization_reference,
          .lower = lower_rms_normalization};
}

}  // namespace troupe
