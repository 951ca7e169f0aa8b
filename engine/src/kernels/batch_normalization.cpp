// BatchNormalization as inference uses it: mean and variance are operands.
#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> batch_normalization_reference(reference_context&);

namespace {

struct parameters {
  std::uint32_t count, channels, inner;
  float epsilon;
};

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(5, 5));
  // Opset 14 named what extra outputs had meant before: that the node trains.
  std::size_t wanted = 0;
  for (const value_id id : step.outputs) wanted += id != no_value;
  if (step.int_or("training_mode", 0) != 0 || wanted > 1)
    return fail(errc::unsupported, "{} is in training mode; export the model for inference", step.describe());
  if (step.version < 9 && step.int_or("spatial", 1) == 0)
    return fail(errc::unsupported,
                "{} has spatial = 0 (a mean for each element); only a mean for each channel is "
                "supported",
                step.describe());
  const shape& dims = context.input_dims(0);
  if (dims.rank() < 1)
    return fail(errc::invalid_argument, "the operand of {} is a scalar; it must be [N, C, ...]", step.describe());
  const std::int64_t channels = dims.rank() > 1 ? dims[1] : 1;
  for (std::size_t i = 0; i < 5; ++i) {
    if (!is_float(context.input_type(i)))
      return fail(errc::invalid_argument, "operand {} of {} is {}; floating-point types are allowed", i,
                  step.describe(), to_string(context.input_type(i)));
    if (i > 0 && context.input_dims(i) != shape{channels})
      return fail(errc::invalid_argument, "operand {} of {} is {}; [{}] is needed for the input {}", i, step.describe(),
                  context.input_dims(i).to_string(), channels, dims.to_string());
  }
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  const shape& dims = context.input_dims(0);
  const std::int64_t count = dims.elements();
  if (count == 0) return {};
  const std::int64_t channels = dims.rank() > 1 ? dims[1] : 1;
  const std::int64_t inner = dims.rank() > 2 ? dims.elements(2, dims.rank()) : 1;
  context.add({.shader = "batch_normalization",
               .operands = {context.read(0), context.read(1), context.read(2), context.read(3), context.read(4),
                            context.write(0)},
               .push_constants = push_bytes(parameters{as_u32(count), as_u32(channels), as_u32(inner),
                                                       context.step().float_or("epsilon", 1e-5f)}),
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition batch_normalization_operator() {
  return {.name = "BatchNormalization",
          .since_version = 7,
          .infer = infer,
          .reference = batch_normalization_reference,
          .lower = lower};
}

}  // namespace troupe
