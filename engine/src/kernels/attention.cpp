// Attention with an online softmax: no matrix of scores in memory, unless the node gives it out.
#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> attention_reference(reference_context&);

namespace {

/// Of the 65,535 rounds that Mesa 22.3 lets an invocation's loops run.
constexpr std::int64_t rounds_max = 55000;

struct layout_parameters {
  std::uint32_t image, head, position;
};

struct parameters {
  std::uint32_t batch, heads, kv_heads, queries, keys, head_size, value_size;
  layout_parameters query, key, value, target;
  std::uint32_t mask_strides[4], mask_keys, past;
  float scale, softcap;
};

layout_parameters packed(const head_layout& layout) {
  return {as_u32(layout.image), as_u32(layout.head), as_u32(layout.position)};
}

bool in_eights(const head_layout& layout) {
  return layout.image % 8 == 0 && layout.head % 8 == 0 && layout.position % 8 == 0;
}

result<void> infer(infer_context& context) {
  const bool has_lengths = context.step().version >= 24;
  TROUPE_CHECK(context.expect_inputs(3, has_lengths ? 7 : 6));
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{5}})
    if (context.has_input(i) && !is_float(context.input_type(i)))
      return fail(errc::invalid_argument, "operand {} of {} is {}; floating-point types are allowed", i,
                  context.step().describe(), to_string(context.input_type(i)));
  if (context.has_input(3) && context.input_type(3) != dtype::boolean && !is_float(context.input_type(3)))
    return fail(errc::invalid_argument, "the mask of {} is {}; bool or a floating-point type is needed",
                context.step().describe(), to_string(context.input_type(3)));
  if (context.has_input(6) && context.input_type(6) != dtype::i64 && context.input_type(6) != dtype::i32)
    return fail(errc::invalid_argument, "operand 6 of {} is {}; int64 is needed", context.step().describe(),
                to_string(context.input_type(6)));
  TROUPE_TRY(const attention_plan plan, read_attention(node_view(context)));
  context.set_output(0, context.input_type(0), plan.target_dims);
  context.set_output(1, context.input_type(1), plan.present_key);
  context.set_output(2, context.input_type(2), plan.present_value);
  context.set_output(3, context.input_type(0), plan.scores);
  return {};
}

bool wants(const lowering_context& context, std::size_t output) {
  const auto& outputs = context.step().outputs;
  return output < outputs.size() && outputs[output] != no_value;
}

/// Appends copies that join past keys (or values) and the new ones as [batch, heads, keys, size], and says where they
/// are. The operand itself when there is nothing to join.
result<dispatch_operand> add_present(lowering_context& context, const attention_plan& plan, std::size_t operand,
                                     const shape& present, head_layout& layout) {
  const bool wanted = wants(context, operand);  // the outputs have the numbers of the operands
  if (!wanted && plan.past == 0) return context.read(operand);
  const dispatch_operand target =
      wanted ? context.write(operand) : dispatch_operand{context.scratch(present.elements()), true};
  const auto strides = present.strides();
  const std::int64_t added[] = {plan.batch, plan.kv_heads, plan.keys - plan.past, present[3]};
  TROUPE_TRY(const shape added_dims, shape::make(added));
  strided_walk walk{.extents = added_dims, .first = {}, .second = {.base = plan.past * present[3], .strides = strides}};
  walk.first.strides = {layout.image, layout.head, layout.position, 1};
  TROUPE_CHECK(add_copy(context, context.read(operand), target, walk));
  if (plan.past > 0) {
    const std::size_t past_operand = operand + 3;
    const shape& past = context.input_dims(past_operand);
    TROUPE_CHECK(add_copy(
        context, context.read(past_operand), target,
        {.extents = past, .first = {.base = 0, .strides = past.strides()}, .second = {.base = 0, .strides = strides}}));
  }
  layout = {strides[0], strides[1], strides[2]};
  return dispatch_operand{target.slot, false};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(attention_plan plan, read_attention(node_view(context)));
  for (const shape& dims : {context.input_dims(0), plan.present_key, plan.present_value, plan.target_dims})
    TROUPE_CHECK(shader_count(context.step(), dims));
  const bool gives_scores = wants(context, 3);
  if (gives_scores) TROUPE_CHECK(shader_count(context.step(), plan.scores));
  TROUPE_TRY(const dispatch_operand key, add_present(context, plan, 1, plan.present_key, plan.key));
  TROUPE_TRY(const dispatch_operand value, add_present(context, plan, 2, plan.present_value, plan.value));

  const bool wide = plan.head_size % 8 == 0 && plan.value_size % 8 == 0 && in_eights(plan.query) &&
                    in_eights(plan.key) && in_eights(plan.value) && in_eights(plan.target);
  const std::int64_t steps = wide ? plan.head_size / 8 : plan.head_size;
  const bool tiled = context.traits().software && context.traits().subgroup_size == 8 && wide && !gives_scores &&
                     (plan.keys + 7) / 8 * (steps + 1) <= rounds_max;
  // A workgroup visits the keys 64 at a time, twice when it gives the softmax out, and reduces twice.
  const std::int64_t rounds = (plan.keys + 63) / 64 * ((gives_scores ? 2 : 1) * steps + 64 + 16);
  if (!tiled && rounds > rounds_max)
    return fail(errc::unsupported, "{} has {} keys of {} elements; a device takes fewer", context.step().describe(),
                plan.keys, plan.head_size);
  const bool has_mask = context.has_input(3), has_lengths = context.has_input(6);
  const std::uint32_t mask_kind = !has_mask ? 0 : context.input_type(3) == dtype::boolean ? 2 : 1;
  parameters block{.batch = as_u32(plan.batch),
                   .heads = as_u32(plan.heads),
                   .kv_heads = as_u32(plan.kv_heads),
                   .queries = as_u32(plan.queries),
                   .keys = as_u32(plan.keys),
                   .head_size = as_u32(plan.head_size),
                   .value_size = as_u32(plan.value_size),
                   .query = packed(plan.query),
                   .key = packed(plan.key),
                   .value = packed(plan.value),
                   .target = packed(plan.target),
                   .mask_strides = {},
                   .mask_keys = as_u32(plan.mask_keys),
                   .past = as_u32(plan.past),
                   .scale = plan.scale,
                   .softcap = plan.softcap};
  for (std::size_t axis = 0; axis < 4; ++axis) block.mask_strides[axis] = as_u32(plan.mask_strides[axis]);

  // Elements of a result for which one group keeps sums; what is beyond is another group's, which makes the scores
  // anew.
  const std::int64_t block_size = 64 * std::clamp<std::int64_t>((plan.value_size + 63) / 64, 1, tiled ? 2 : 8);
  const std::int64_t rows = plan.batch * plan.heads * (tiled ? (plan.queries + 7) / 8 : plan.queries);
  auto groups = groups_for(rows, tiled ? 8 : 1, context.traits());
  groups[2] = as_u32((plan.value_size + block_size - 1) / block_size);
  context.add({.shader = tiled ? "attention_subgroup" : "attention",
               .operands = {context.read(0), key, value, has_mask ? context.read(3) : context.read(0),
                            has_lengths ? context.read(6) : context.read(0), context.write(0),
                            gives_scores ? context.write(3) : context.write(0)},
               .push_constants = push_bytes(block),
               .specialization = {mask_kind, plan.causal, has_lengths, wide, as_u32(block_size / 64),
                                  gives_scores ? as_u32(plan.scores_mode + 1) : 0},
               .groups = groups});
  return {};
}

}  // namespace

operator_definition attention_operator() {
  return {.name = "Attention",
          .since_version = 23,
          .index_inputs = {3, 6},
          .infer = infer,
          .reference = attention_reference,
          .lower = lower};
}

}  // namespace troupe
