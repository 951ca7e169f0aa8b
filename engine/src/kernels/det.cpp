// Det: the determinant of each matrix, on the host.
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> det_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const shape& given = context.input_dims(0);
  const std::size_t rank = given.rank();
  if (!is_float(context.input_type(0)) || rank < 2 || given[rank - 1] != given[rank - 2])
    return fail(errc::invalid_argument, "the operand of {} is {}{}; square matrices of floats are needed",
                context.step().describe(), to_string(context.input_type(0)), given.to_string());
  TROUPE_TRY(const shape dims, shape::make(given.extents().first(rank - 2)));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

}  // namespace

operator_definition det_operator() {
  return {.name = "Det", .since_version = 11, .infer = infer, .reference = det_reference};
}

}  // namespace troupe
