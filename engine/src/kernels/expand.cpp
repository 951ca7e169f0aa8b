// Expand: one strided copy in which the repeated axes have stride 0.
#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "kernels/strided.hpp"

namespace troupe {

result<void> expand_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(const auto wanted, node_view(context).ints("shape", 1));
  TROUPE_TRY(const shape asked, shape::make(*wanted));
  TROUPE_TRY(const shape dims, broadcast(context.input_dims(0), asked));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  const shape& given = context.input_dims(0);
  const shape& dims = context.output_dims(0);
  if (given.elements() == dims.elements()) {
    context.alias(0, 0);
    return {};
  }
  return add_copy(context, context.read(0), context.write(0),
                  {.extents = dims,
                   .first = {.base = 0, .strides = broadcast_strides(given, dims)},
                   .second = {.base = 0, .strides = dims.strides()}});
}

}  // namespace

operator_definition expand_operator() {
  return {.name = "Expand",
          .since_version = 8,
          .host_inputs = {1},
          .infer = infer,
          .reference = expand_reference,
          .lower = lower};
}

}  // namespace troupe
