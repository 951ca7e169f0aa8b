// GatedActivation: act(gate) * up, of rows [..., 2F] that hold F gates first: SwiGLU and its relatives (Shazeer, "GLU
// Variants Improve Transformer", 2020).
#include "kernels/activation.hpp"
#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct parameters {
  std::uint32_t count, width;
};

result<activation> kind_of(const node& step) {
  const std::string name = step.string_or("activation", "silu");
  if (name == "silu") return activation{activation_kind::swish, 1, 0};
  if (name == "gelu") return activation{activation_kind::gelu, 1, 0};
  if (name == "gelu_tanh") return activation{activation_kind::gelu_tanh, 1, 0};
  return fail(errc::unsupported, "{} has the activation \"{}\"; silu, gelu and gelu_tanh are supported",
              step.describe(), name);
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_CHECK(kind_of(context.step()));
  const shape& dims = context.input_dims(0);
  if (dims.rank() == 0 || dims[dims.rank() - 1] % 2 != 0)
    return fail(errc::invalid_argument, "{} has the operand {}; an even number of elements in a row is needed",
                context.step().describe(), dims.to_string());
  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  extents.back() /= 2;
  TROUPE_TRY(const shape made, shape::make(extents));
  context.set_output(0, context.input_type(0), made);
  return {};
}

result<void> reference(reference_context& context) {
  TROUPE_TRY(const activation kind, kind_of(context.step()));
  TROUPE_TRY(const auto source, context.input_floats(0));
  const shape& dims = context.output(0).dims();
  const auto width = static_cast<std::size_t>(dims[dims.rank() - 1]);
  std::vector<float> made(static_cast<std::size_t>(dims.elements()));
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::size_t gate = i / width * 2 * width + i % width;
    made[i] = static_cast<float>(apply(kind, source[gate]) * source[gate + width]);
  }
  return context.set_output_floats(0, made);
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const activation kind, kind_of(context.step()));
  const shape& dims = context.output_dims(0);
  const std::int64_t width = dims[dims.rank() - 1];
  const bool wide = width % 8 == 0;
  const std::int64_t count = dims.elements() / (wide ? 8 : 1);
  context.add({.shader = "gated_activation",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(parameters{as_u32(count), as_u32(width / (wide ? 8 : 1))}),
               .specialization = {static_cast<std::uint32_t>(kind.kind), wide},
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition gated_activation_operator() {
  return {.name = "troupe.GatedActivation", .infer = infer, .reference = reference, .lower = lower};
}

}  // namespace troupe
