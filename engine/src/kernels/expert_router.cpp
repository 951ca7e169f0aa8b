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
/// The kernel keeps what it has chosen in registers.
constexpr std::int64_t top_max = 64;

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_CHECK(expect_same_float(context, 1));
  TROUPE_TRY(const expert_choice choice, expert_choice_of(context.step(), context.input_dims(0)));
  context.set_output(0, context.input_type(0), {choice.rows, choice.top});
  context.set_output(1, context.input_type(0), {choice.rows, choice.top});
  return {};
}

}  // namespace

result<expert_choice> expert_choice_of(const node& step, const shape& logits) {
  if (logits.rank() != 2 || logits[1] < 1 || logits[1] > experts_max)
    return fail(errc::invalid_argument, "{} chooses by {}; rows of 1 to {} experts are needed", step.describe(),
                logits.to_string(), experts_max);
  const std::int64_t top = step.int_or("top", 0);
  if (top < 1 || top > logits[1] || top > top_max)
    return fail(errc::invalid_argument, "{} chooses {} of {} experts; 1 to {} are possible", step.describe(), top,
                logits[1], std::min(logits[1], top_max));
  return expert_choice{.rows = logits[0],
                       .experts = logits[1],
                       .top = top,
                       .normalized = step.int_or("normalize", 1) != 0,
                       .scale = step.float_or("scale", 1)};
}

operator_definition expert_router_operator() {
  return {.name = "troupe.ExpertRouter", .infer = infer, .reference = expert_router_reference};
}

}  // namespace troupe
