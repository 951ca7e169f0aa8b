// ExpertLinear: each row, or each of its slots, times the transposed weights of the expert it was given to.
#include "kernels/expert_linear.hpp"

#include "kernels/definitions.hpp"
#include "kernels/linear_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> expert_linear_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(3, context.input_count()));
  TROUPE_CHECK(expect_same_float(context, 2));
  TROUPE_CHECK(expect_bytes(context, 2, context.input_count()));
  TROUPE_TRY(const expert_product product, expert_product_of(node_view(context)));
  const std::int64_t extents[] = {product.rows, product.top, product.linear.columns};
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0, 1}));
  TROUPE_TRY(expert_product product, expert_product_of(node_view(context)));
  return add_linear(context, {.x = context.read(0),
                              .target = context.write(0),
                              .rows = product.rows * product.top,
                              .experts = expert_slots{context.read(1), product.slots_differ ? 1 : product.top},
                              .linear = std::move(product.linear)});
}

}  // namespace

result<expert_product> expert_product_of(const node_view& given) {
  const node& step = given.step();
  if (!given.has(0) || !given.has(1))
    return fail(errc::invalid_argument, "{} lacks what it multiplies or the ids of experts", step.describe());
  const shape& x = given.dims(0);
  const shape& ids = given.dims(1);
  expert_product made;
  TROUPE_TRY(made.linear, linear_shape_of(given, 2, step.inputs.size(), step.int_or("experts", 0)));
  if (ids.rank() != 2)
    return fail(errc::invalid_argument, "the ids of {} are {}; [rows, chosen experts] is needed", step.describe(),
                ids.to_string());
  made.rows = ids[0], made.top = ids[1];
  made.slots_differ = x.rank() == 3;
  const bool per_slot = x.rank() == 3 && x[1] == made.top;
  const bool fits = (x.rank() == 2 || per_slot) && x[0] == made.rows && x[x.rank() - 1] == made.linear.inner;
  if (fits) return made;
  return fail(errc::invalid_argument, "{} multiplies {}; [{},{}] or [{},{},{}] is needed", step.describe(),
              x.to_string(), made.rows, made.linear.inner, made.rows, made.top, made.linear.inner);
}

operator_definition expert_linear_operator() {
  return {.name = "troupe.ExpertLinear",
          .byte_inputs_from = 2,
          .infer = infer,
          .reference = expert_linear_reference,
          .lower = lower};
}

}  // namespace troupe
