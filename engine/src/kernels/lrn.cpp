// LRN: each element is divided by the size of its neighbours in other channels.
#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> lrn_reference(reference_context&);

namespace {

struct parameters {
  std::uint32_t count, channels, inner, before, after;
  float alpha, beta, bias;
};

/// One invocation visits every neighbour; Mesa 22.3 ends its loops after 65,535 rounds.
constexpr std::int64_t neighbours_max = 60000;

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  const node& step = context.step();
  const shape& dims = context.input_dims(0);
  if (dims.rank() < 2)
    return fail(errc::invalid_argument, "the operand {} of {} has no channels; it must be [N, C, ...]",
                dims.to_string(), step.describe());
  if (const std::int64_t size = step.int_or("size", 0); size < 1)
    return fail(errc::invalid_argument, "size of {} is {} or missing; at least 1 is needed", step.describe(), size);
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  const node& step = context.step();
  const shape& dims = context.input_dims(0);
  const std::int64_t count = dims.elements();
  if (count == 0) return {};
  const std::int64_t channels = dims[1];
  const std::int64_t size = step.int_or("size", 1);
  if (std::min(size, channels) > neighbours_max)
    return fail(errc::unsupported, "{} sums over {} channels; at most {} are supported on a device", step.describe(),
                std::min(size, channels), neighbours_max);
  const float alpha = step.float_or("alpha", 0.0001f) / static_cast<float>(size);
  context.add({.shader = "lrn",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(
                   parameters{as_u32(count), as_u32(channels), as_u32(dims.elements(2, dims.rank())),
                              as_u32(std::min(channels, (size - 1) / 2)), as_u32(std::min(channels, size / 2)), alpha,
                              step.float_or("beta", 0.75f), step.float_or("bias", 1.0f)}),
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition lrn_operator() {
  return {.name = "LRN", .infer = infer, .reference = lrn_reference, .lower = lower};
}

}  // namespace troupe
