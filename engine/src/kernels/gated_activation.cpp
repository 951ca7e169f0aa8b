// GatedActivation: act(gate) * up, of rows [..., 2F] that hold F gates first: SwiGLU and its relatives (Shazeer, "GLU
// Variants Improve Transformer", 2020).
#include "kernels/gated_activation.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct parameters {
  std::uint32_t count, width;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_CHECK(gate_of(context.step(), "activation"));
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
  TROUPE_TRY(const activation kind, gate_of(context.step(), "activation"));
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
  TROUPE_TRY(const activation kind, gate_of(context.step(), "activation"));
  const shape& dims = context.output_dims(0);
  const std::int64_t width = dims[dims.rank() - 1];
  add_gated_activation(context, context.read(0), context.write(0), width == 0 ? 0 : dims.elements() / width, width,
                       kind.kind);
  return {};
}

}  // namespace

result<activation> gate_of(const node& step, std::string_view name) {
  const std::string activation_name = step.string_or(name, "silu");
  if (activation_name == "silu") return activation{activation_kind::swish, 1, 0};
  if (activation_name == "gelu") return activation{activation_kind::gelu, 1, 0};
  if (activation_name == "gelu_tanh") return activation{activation_kind::gelu_tanh, 1, 0};
  return fail(errc::unsupported, "{} has the activation \"{}\"; silu, gelu and gelu_tanh are supported",
              step.describe(), activation_name);
}

void add_gated_activation(lowering_context& context, dispatch_operand source, dispatch_operand target,
                          std::int64_t rows, std::int64_t width, activation_kind kind) {
  const bool wide = width % 8 == 0;
  const std::int64_t words = width / (wide ? 8 : 1);
  context.add({.shader = "gated_activation",
               .operands = {source, target},
               .push_constants = push_bytes(parameters{as_u32(rows * words), as_u32(words)}),
               .specialization = {static_cast<std::uint32_t>(kind), wide},
               .groups = groups_for(rows * words, 64, context.traits())});
}

operator_definition gated_activation_operator() {
  return {.name = "troupe.GatedActivation", .infer = infer, .reference = reference, .lower = lower};
}

}  // namespace troupe
