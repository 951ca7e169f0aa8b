// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: how far predicted classes are from given labels. On the host:
// they end an evaluation, and labels are integers.
#include "kernels/loss.hpp"

#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> loss_reference(reference_context&);

result<loss_reduction> read_loss_reduction(const node& step) {
  const std::string name = step.string_or("reduction", "mean");
  if (name == "none") return loss_reduction::none;
  if (name == "sum") return loss_reduction::sum;
  if (name == "mean") return loss_reduction::mean;
  return fail(errc::invalid_argument, "{} reduces by \"{}\"; none, sum and mean exist", step.describe(), name);
}

namespace {

/// Scores are [N, C, ...], labels [N, ...], weights [C].
result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 3));
  TROUPE_CHECK(expect_indices(context, 1));
  const shape& scores = context.input_dims(0);
  if (!is_float(context.input_type(0)) || scores.rank() < 2)
    return fail(errc::invalid_argument, "the scores of {} are {}{}; floats [N, C, ...] are needed", step.describe(),
                to_string(context.input_type(0)), scores.to_string());
  std::vector<std::int64_t> wanted(scores.begin(), scores.end());
  wanted.erase(wanted.begin() + 1);
  TROUPE_TRY(const shape places, shape::make(wanted));
  if (context.input_dims(1) != places)
    return fail(errc::invalid_argument, "the labels {} of {} do not fit its scores {}",
                context.input_dims(1).to_string(), step.describe(), scores.to_string());
  if (context.has_input(2) &&
      (context.input_type(2) != context.input_type(0) || context.input_dims(2) != shape{scores[1]}))
    return fail(errc::invalid_argument, "the weights of {} are {}{}; {} {} are needed", step.describe(),
                to_string(context.input_type(2)), context.input_dims(2).to_string(), scores[1],
                to_string(context.input_type(0)));
  TROUPE_TRY(const loss_reduction reduction, read_loss_reduction(step));
  context.set_output(0, context.input_type(0), reduction == loss_reduction::none ? places : shape{});
  if (step.op == "SoftmaxCrossEntropyLoss") context.set_output(1, context.input_type(0), scores);
  return {};
}

operator_definition loss(std::string_view op) {
  return {.name = op, .since_version = 12, .infer = infer, .reference = loss_reference};
}

}  // namespace

operator_definition negative_log_likelihood_loss_operator() {
  return loss("NegativeLogLikelihoodLoss");
}
operator_definition softmax_cross_entropy_loss_operator() {
  return loss("SoftmaxCrossEntropyLoss");
}

}  // namespace troupe
