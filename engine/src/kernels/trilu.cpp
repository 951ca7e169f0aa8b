// Trilu: matrices with everything below (or above) a diagonal set to zero.
#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "kernels/trilu.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> trilu_reference(reference_context&);

result<triangle> read_trilu(const node_view& view) {
  const shape& dims = view.dims(0);
  const std::int64_t rows = dims[dims.rank() - 2], columns = dims[dims.rank() - 1];
  triangle made{.upper = view.step().int_or("upper", 1) != 0};
  TROUPE_TRY(const auto listed, view.ints("k", 1));
  if (!listed) return made;
  if (listed->size() != 1)
    return fail(errc::invalid_argument, "{} has {} diagonals; one number is needed", view.step().describe(),
                listed->size());
  // No diagonal is further away than the matrix is large.
  made.diagonal = std::clamp(listed->front(), -rows, columns);
  return made;
}

namespace {

/// Push constants of trilu.comp.
struct parameters {
  std::uint32_t count, rows, columns;
  std::int32_t diagonal;
  std::uint32_t upper;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 2));
  if (context.input_dims(0).rank() < 2)
    return fail(errc::invalid_argument, "the operand of {} is a tensor {}; matrices are needed",
                context.step().describe(), context.input_dims(0).to_string());
  TROUPE_CHECK(read_trilu(node_view(context)));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const triangle kept, read_trilu(node_view(context)));
  const shape& dims = context.input_dims(0);
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), dims));
  context.add(
      {.shader = "trilu",
       .operands = {context.read(0), context.write(0)},
       .push_constants = push_bytes(parameters{count, as_u32(dims[dims.rank() - 2]), as_u32(dims[dims.rank() - 1]),
                                               static_cast<std::int32_t>(kept.diagonal), kept.upper ? 1u : 0u}),
       .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition trilu_operator() {
  return {.name = "Trilu",
          .since_version = 14,
          .host_inputs = {1},
          .infer = infer,
          .reference = trilu_reference,
          .lower = lower};
}

}  // namespace troupe
