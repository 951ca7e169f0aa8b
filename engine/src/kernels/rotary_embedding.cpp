#include "kernels/rotary_embedding.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> rotary_embedding_reference(reference_context&);

result<rotary_plan> read_rotary(const node_view& view) {
  const node& step = view.step();
  const shape& dims = view.dims(0);
  rotary_plan made;
  made.interleaved = step.int_or("interleaved", 0) != 0;
  made.batch = dims.rank() > 0 ? dims[0] : 0;
  if (dims.rank() == 4) {
    made.heads = dims[1];
    made.positions = dims[2];
    made.head_size = dims[3];
    made.strides[0] = dims.elements(1, 4);
    made.strides[1] = dims.elements(2, 4);
    made.strides[2] = dims[3];
  } else {
    made.heads = step.int_or("num_heads", 0);
    if (dims.rank() != 3 || made.heads < 1 || dims[2] % made.heads != 0)
      return fail(
          errc::invalid_argument,
          "{} has the operand {} and num_heads {}; [N, heads, L, size], or [N, L, heads * size] with num_heads, "
          "is needed",
          step.describe(), dims.to_string(), made.heads);
    made.positions = dims[1];
    made.head_size = dims[2] / made.heads;
    made.strides[0] = dims.elements(1, 3);
    made.strides[1] = made.head_size;
    made.strides[2] = dims[2];
  }
  made.rotated = step.int_or("rotary_embedding_dim", 0);
  if (made.rotated == 0) made.rotated = made.head_size;
  if (made.rotated < 0 || made.rotated > made.head_size || made.rotated % 2 != 0)
    return fail(errc::invalid_argument, "{} turns {} of {} elements; an even part is needed", step.describe(),
                made.rotated, made.head_size);
  made.chosen_positions = view.has(3);
  const shape& table = view.dims(1);
  const std::int64_t half = made.rotated / 2;
  const bool fits = made.chosen_positions
                        ? table.rank() == 2 && table[1] == half && view.dims(3) == shape{made.batch, made.positions}
                        : table == shape{made.batch, made.positions, half};
  if (!fits || view.dims(2) != table)
    return fail(errc::invalid_argument, "{} has tables {} and {} for the operand {}, which do not fit", step.describe(),
                table.to_string(), view.dims(2).to_string(), dims.to_string());
  made.table_rows = half == 0 ? 0 : table.elements() / half;
  return made;
}

namespace {

struct parameters {
  std::uint32_t count, heads, positions, head_size, rotated, image_stride, head_stride, position_stride, table_rows;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(3, 4));
  TROUPE_CHECK(expect_same_float(context, 3));
  if (context.has_input(3) && context.input_type(3) != dtype::i64 && context.input_type(3) != dtype::i32)
    return fail(errc::invalid_argument, "the positions of {} are {}; int64 is needed", context.step().describe(),
                to_string(context.input_type(3)));
  TROUPE_TRY(const rotary_plan plan, read_rotary(node_view(context)));
  if (const tensor* positions = context.input_value(3)) {
    TROUPE_TRY(const tensor wide, convert(*positions, dtype::i64));
    for (const std::int64_t position : wide.as<std::int64_t>())
      if (position < 0 || position >= plan.table_rows)
        return fail(errc::invalid_argument, "{} has the position {}; its tables have {} rows",
                    context.step().describe(), position, plan.table_rows);
  }
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), context.input_dims(0)));
  TROUPE_CHECK(shader_count(context.step(), context.input_dims(1)));
  TROUPE_TRY(const rotary_plan plan, read_rotary(node_view(context)));
  context.add({.shader = "rotary_embedding",
               .operands = {context.read(0), context.read(1), context.read(2),
                            plan.chosen_positions ? context.read(3) : context.read(0), context.write(0)},
               .push_constants = push_bytes(parameters{
                   count, as_u32(plan.heads), as_u32(plan.positions), as_u32(plan.head_size), as_u32(plan.rotated),
                   as_u32(plan.strides[0]), as_u32(plan.strides[1]), as_u32(plan.strides[2]), as_u32(plan.table_rows)}),
               .specialization = {plan.interleaved, plan.chosen_positions},
               .groups = groups_for(count, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition rotary_embedding_operator() {
  return {.name = "RotaryEmbedding",
          .since_version = 23,
          .index_inputs = {3},
          .infer = infer,
          .reference = rotary_embedding_reference,
          .lower = lower};
}

}  // namespace troupe
