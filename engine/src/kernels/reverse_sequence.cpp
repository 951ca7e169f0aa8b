// ReverseSequence: the first elements of each batch entry along a time axis in reverse order, as many as its length
// says.
#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> reverse_sequence_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_CHECK(expect_indices(context, 1));
  const shape& given = context.input_dims(0);
  const std::int64_t batch = step.int_or("batch_axis", 1), time = step.int_or("time_axis", 0);
  const bool axes_fit = given.rank() >= 2 && ((batch == 0 && time == 1) || (batch == 1 && time == 0));
  if (!axes_fit || context.input_dims(1) != shape{given[static_cast<std::size_t>(batch)]})
    return fail(errc::invalid_argument, "{} reverses axis {} for each entry of axis {} of a tensor {} with lengths {}",
                step.describe(), time, batch, given.to_string(), context.input_dims(1).to_string());
  context.set_output(0, context.input_type(0), given);
  return {};
}

}  // namespace

operator_definition reverse_sequence_operator() {
  return {.name = "ReverseSequence", .since_version = 10, .infer = infer, .reference = reverse_sequence_reference};
}

}  // namespace troupe
