// ExpertRouter: which experts a row goes to, and with which weights.
#include "kernels/expert_router.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> expert_router_reference(reference_context&);

namespace {

/// Ids are results in the model's storage type: binary16 holds integers exactly up to here.
constexpr std::int64_t experts_max = 2048;
/// The kernel looks at every expert for every choice, twice, within the rounds that a loop may have.
constexpr std::int64_t looks_max = 16384;

/// Push constants of expert_router.comp.
struct parameters {
  std::uint32_t rows, experts, top, normalized;
  float scale;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_TRY(const expert_choice choice, expert_choice_of(context.step(), context.input_dims(0)));
  context.set_output(0, context.input_type(0), {choice.rows, choice.top});
  context.set_output(1, context.input_type(0), {choice.rows, choice.top});
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const expert_choice choice, expert_choice_of(context.step(), context.input_dims(0)));
  context.add({.shader = "expert_router",
               .operands = {context.read(0), context.write(0), context.write(1)},
               .push_constants = push_bytes(parameters{as_u32(choice.rows), as_u32(choice.experts), as_u32(choice.top),
                                                       choice.normalized, choice.scale}),
               .groups = groups_for(choice.rows, 64, context.traits())});
  return {};
}

}  // namespace

result<expert_choice> expert_choice_of(const node& step, const shape& logits) {
  if (logits.rank() != 2 || logits[1] < 1 || logits[1] > experts_max)
    return fail(errc::invalid_argument, "{} chooses by {}; rows of 1 to {} experts are needed", step.describe(),
                logits.to_string(), experts_max);
  const std::int64_t top = step.int_or("top", 0);
  const std::int64_t most = std::min(logits[1], looks_max / logits[1]);
  if (top < 1 || top > most)
    return fail(errc::invalid_argument, "{} chooses {} of {} experts; 1 to {} are possible", step.describe(), top,
                logits[1], most);
  return expert_choice{.rows = logits[0],
                       .experts = logits[1],
                       .top = top,
                       .normalized = step.int_or("normalize", 1) != 0,
                       .scale = step.float_or("scale", 1)};
}

operator_definition expert_router_operator() {
  return {.name = "troupe.ExpertRouter", .infer = infer, .reference = expert_router_reference, .lower = lower};
}

}  // namespace troupe
