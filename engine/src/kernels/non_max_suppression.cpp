// NonMaxSuppression: of boxes that overlap, the one with the best score. How many stay depends on all operands, so a
// program is specialised for their contents and they are computed on the host before the rest. Exporters put this at
// the end of detectors: cut it off there when speed matters.
#include "kernels/non_max_suppression.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> non_max_suppression_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 5));
  const shape& boxes = context.input_dims(0);
  const shape& scores = context.input_dims(1);
  const bool fits = boxes.rank() == 3 && scores.rank() == 3 && boxes[0] == scores[0] && boxes[1] == scores[2] &&
                    boxes[2] == 4 && is_float(context.input_type(0)) && is_float(context.input_type(1));
  if (!fits)
    return fail(errc::invalid_argument,
                "{} has boxes {} and scores {}; floats [batch, boxes, 4] and [batch, classes, "
                "boxes] are needed",
                step.describe(), boxes.to_string(), scores.to_string());
  std::vector<const tensor*> operands;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    operands.push_back(context.input_value(i));
    if (context.has_input(i) && !operands.back())
      return fail(errc::unsupported, "operand {} of {} depends on values computed during the run", i, step.describe());
    if (i >= 2 && operands.back() && operands.back()->elements() != 1)
      return fail(errc::invalid_argument, "operand {} of {} is a tensor {}; one number is needed", i, step.describe(),
                  operands.back()->describe());
  }
  TROUPE_TRY(const auto kept, select_boxes(step, operands));
  context.set_output(0, dtype::i64, {static_cast<std::int64_t>(kept.size()), 3});
  return {};
}

}  // namespace

operator_definition non_max_suppression_operator() {
  return {.name = "NonMaxSuppression",
          .since_version = 10,
          .host_inputs = {0, 1, 2, 3, 4},
          .infer = infer,
          .reference = non_max_suppression_reference};
}

}  // namespace troupe
