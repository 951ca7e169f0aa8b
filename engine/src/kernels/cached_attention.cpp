#include "kernels/cached_attention.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> cached_attention_reference(reference_context&);

namespace {
namespace operand = cached_attention_operand;

/// Of the 65,535 rounds that Mesa 22.3 lets an invocation's loops run.
constexpr std::int64_t rounds_max = 55000;
/// Pages that one workgroup of a GPU visits: four at a time.
constexpr std::int64_t split_pages = 32;
constexpr std::int64_t head_size_max = 512;
/// Rows of a head for which one subgroup of a software device loads keys and values once.
constexpr std::int64_t rows_together = 4;

struct parameters {
  std::uint32_t rows, heads, kv_heads, head_words;
  std::uint32_t table_rows, table_columns, page_count;
  std::uint32_t rotary_size, window;
  std::uint32_t splits, split_pages;
  float scale, softcap, epsilon;
};

result<void> check_heads(const node& step, cached_attention_plan& made, const shape& qkv) {
  made.heads = step.int_or("heads", 0);
  made.kv_heads = step.int_or("kv_heads", made.heads);
  constexpr std::int64_t heads_max = 1 << 16;
  if (made.heads < 1 || made.heads > heads_max || made.kv_heads < 1 || made.heads % made.kv_heads != 0)
    return fail(errc::invalid_argument, "{} has {} heads and {} kv_heads; heads must be a multiple of kv_heads",
                step.describe(), made.heads, made.kv_heads);
  const std::int64_t all = made.heads + 2 * made.kv_heads;
  if (qkv.rank() != 2 || qkv[1] % all != 0)
    return fail(errc::invalid_argument, "{} has the operand {}; [rows, {} heads * size] is needed", step.describe(),
                qkv.to_string(), all);
  made.rows = qkv[0];
  made.head_size = qkv[1] / all;
  if (made.head_size % 8 != 0 || made.head_size < 8 || made.head_size > head_size_max)
    return fail(errc::unsupported, "{} has heads of {} elements; a multiple of 8 up to {} is supported",
                step.describe(), made.head_size, head_size_max);
  return {};
}

result<void> check_rotation(const node_view& view, cached_attention_plan& made) {
  const node& step = view.step();
  made.rotary_size = view.has(operand::rotary_table) ? step.int_or("rotary_size", made.head_size) : 0;
  made.rotary_halves = step.int_or("rotary_halves", 1) != 0;
  if (made.rotary_size < 0 || made.rotary_size > made.head_size || made.rotary_size % 2 != 0)
    return fail(errc::invalid_argument, "{} turns {} of {} elements; an even part is needed", step.describe(),
                made.rotary_size, made.head_size);
  if (made.rotary_size == 0) return {};
  const shape& table = view.dims(operand::rotary_table);
  if (table.rank() != 2 || table[0] < made.positions() || table[1] != made.rotary_size / 2 * 8)
    return fail(errc::invalid_argument, "{} has the rotary table {}; at least [{},{}] bytes are needed",
                step.describe(), table.to_string(), made.positions(), made.rotary_size / 2 * 8);
  return {};
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(6, 9));
  const node& step = context.step();
  for (const std::size_t i : {operand::positions, operand::sequences, operand::pages})
    if (context.input_type(i) != dtype::i32)
      return fail(errc::invalid_argument, "operand {} of {} is {}; int32 is needed", i, step.describe(),
                  to_string(context.input_type(i)));
  for (const std::size_t i : {operand::qkv, operand::query_norm, operand::key_norm})
    if (context.has_input(i) && !is_float(context.input_type(i)))
      return fail(errc::invalid_argument, "operand {} of {} is {}; floating-point types are allowed", i,
                  step.describe(), to_string(context.input_type(i)));
  for (const std::size_t i : {operand::keys, operand::values})
    if (context.input_type(i) != dtype::f32)
      return fail(errc::invalid_argument, "the cache of {} is {}; a float32 state is needed", step.describe(),
                  to_string(context.input_type(i)));
  if (context.has_input(operand::rotary_table) && context.input_type(operand::rotary_table) != dtype::u8)
    return fail(errc::invalid_argument, "the rotary table of {} is {}; bytes are needed", step.describe(),
                to_string(context.input_type(operand::rotary_table)));
  TROUPE_TRY(const auto plan, read_cached_attention(node_view(context)));
  TROUPE_TRY(const shape made, shape::make(std::array{plan.rows, plan.heads * plan.head_size}));
  context.set_output(0, context.input_type(operand::qkv), made);
  return {};
}

void add_software(lowering_context& context, const cached_attention_plan& plan, const parameters& block,
                  std::uint32_t queries) {
  const std::int64_t cached = plan.page_count * plan.kv_heads * cache_page_positions * plan.head_size;
  const bool texels = context.reads_texels(std::max(cached, plan.rows * plan.heads * plan.head_size));
  const auto read = [&](dispatch_operand from) {
    from.texels = texels;
    return from;
  };
  // Rows of different sessions share nothing: then the kernel for one row is faster.
  const bool together = plan.rows >= 2 * rows_together && plan.rows >= 2 * plan.sessions &&
                        plan.session_pages <= rounds_max / rows_together;
  context.add({.shader = together ? texels ? "cached_attention_rows_texel" : "cached_attention_rows"
                         : texels ? "cached_attention_subgroup_texel"
                                  : "cached_attention_subgroup",
               .operands = {read({queries}), context.read(operand::positions), context.read(operand::sequences),
                            context.read(operand::pages), read(context.read(operand::keys)),
                            read(context.read(operand::values)), context.write(0)},
               .push_constants = push_bytes(block),
               .specialization = {as_u32((plan.head_size + 63) / 64)},
               .groups = together ? groups_for((plan.rows + rows_together - 1) / rows_together * plan.heads, 1,
                                               context.traits())
                                  : groups_for(plan.rows * plan.heads, 2, context.traits())});
}

void add_general(lowering_context& context, const cached_attention_plan& plan, parameters block,
                 std::uint32_t queries) {
  const std::int64_t splits = (plan.session_pages + split_pages - 1) / split_pages;
  const std::int64_t items = plan.rows * plan.heads;
  block.splits = as_u32(splits);
  const bool joins = splits > 1;
  const dispatch_operand sums =
      joins ? dispatch_operand{context.scratch_bytes(items * splits * (plan.head_size + 2) * 4), true}
            : context.write(0);
  context.add({.shader = "cached_attention",
               .operands = {{queries},
                            context.read(operand::positions),
                            context.read(operand::sequences),
                            context.read(operand::pages),
                            context.read(operand::keys),
                            context.read(operand::values),
                            joins ? sums : context.write(0),
                            sums},
               .push_constants = push_bytes(block),
               .specialization = {as_u32((plan.head_size + 63) / 64)},
               .groups = groups_for(items * splits, 1, context.traits())});
  if (!joins) return;
  context.add({.shader = "cached_attention_join",
               .operands = {{sums.slot}, context.write(0)},
               .push_constants = push_bytes(block),
               .groups = groups_for(items * plan.head_size, 64, context.traits())});
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const auto plan, read_cached_attention(node_view(context)));
  TROUPE_CHECK(expect_indexable(context, {operand::qkv, operand::pages, operand::keys}));
  const parameters block{.rows = as_u32(plan.rows),
                         .heads = as_u32(plan.heads),
                         .kv_heads = as_u32(plan.kv_heads),
                         .head_words = as_u32(plan.head_size / 8),
                         .table_rows = as_u32(plan.sessions),
                         .table_columns = as_u32(plan.session_pages),
                         .page_count = as_u32(plan.page_count),
                         .rotary_size = as_u32(plan.rotary_size),
                         .window = as_u32(plan.window),
                         .splits = 1,
                         .split_pages = as_u32(split_pages),
                         .scale = plan.scale,
                         .softcap = plan.softcap,
                         .epsilon = plan.norm_epsilon};
  const bool norms_queries = context.has_input(operand::query_norm), norms_keys = context.has_input(operand::key_norm);
  const auto or_qkv = [&](std::size_t i) { return context.read(context.has_input(i) ? i : operand::qkv); };
  const std::uint32_t queries = context.scratch(plan.rows * plan.heads * plan.head_size);
  context.add({.shader = "cache_rows",
               .operands = {context.read(operand::qkv),
                            context.read(operand::positions),
                            context.read(operand::sequences),
                            context.read(operand::pages),
                            context.change(operand::keys),
                            context.change(operand::values),
                            or_qkv(operand::query_norm),
                            or_qkv(operand::key_norm),
                            or_qkv(operand::rotary_table),
                            {queries, true}},
               .push_constants = push_bytes(block),
               .specialization = {norms_queries, norms_keys, plan.rotary_halves, plan.rotary_size % 16 == 0},
               .groups = groups_for(plan.rows * (plan.heads + 2 * plan.kv_heads), 8, context.traits())});
  const device_traits& traits = context.traits();
  if (traits.software && traits.subgroup_size == 8 && traits.subgroup_shuffle && plan.session_pages <= rounds_max)
    add_software(context, plan, block, queries);
  else
    add_general(context, plan, block, queries);
  return {};
}

}  // namespace

result<cached_attention_plan> read_cached_attention(const node_view& view) {
  const node& step = view.step();
  cached_attention_plan made;
  TROUPE_CHECK(check_heads(step, made, view.dims(operand::qkv)));
  const shape& table = view.dims(operand::pages);
  if (view.dims(operand::positions) != shape{made.rows} || view.dims(operand::sequences) != shape{made.rows} ||
      table.rank() != 2 || table.elements() == 0)
    return fail(
        errc::invalid_argument,
        "{} has positions {}, sequences {} and pages {} for {} rows; [{}], [{}] and [sessions, pages] are needed",
        step.describe(), view.dims(operand::positions).to_string(), view.dims(operand::sequences).to_string(),
        table.to_string(), made.rows, made.rows, made.rows);
  made.sessions = table[0];
  made.session_pages = table[1];
  const shape& cache = view.dims(operand::keys);
  made.page_count = cache.rank() == 4 ? cache[0] : 0;
  if (made.page_count < 1 || cache != shape{made.page_count, made.kv_heads, cache_page_positions, made.head_size} ||
      view.dims(operand::values) != cache)
    return fail(errc::invalid_argument, "{} has caches {} and {}; [pages,{},{},{}] is needed for both", step.describe(),
                cache.to_string(), view.dims(operand::values).to_string(), made.kv_heads, cache_page_positions,
                made.head_size);
  constexpr std::int64_t positions_max = std::int64_t{1} << 30;
  if (made.session_pages > positions_max / cache_page_positions)
    return fail(errc::unsupported, "{} has {} pages a session; at most {} are supported", step.describe(),
                made.session_pages, positions_max / cache_page_positions);
  TROUPE_CHECK(check_rotation(view, made));
  for (const std::size_t i : {operand::query_norm, operand::key_norm})
    if (view.has(i) && view.dims(i) != shape{made.head_size})
      return fail(errc::invalid_argument, "operand {} of {} is {}; [{}] is needed", i, step.describe(),
                  view.dims(i).to_string(), made.head_size);
  made.window = std::clamp<std::int64_t>(step.int_or("window", 0), 0, positions_max);
  made.scale = step.float_or("scale", 1.0f);
  made.softcap = step.float_or("softcap", 0.0f);
  made.norm_epsilon = step.float_or("norm_epsilon", 0.0f);
  return made;
}

operator_definition cached_attention_operator() {
  return {.name = "troupe.CachedAttention",
          .index_inputs = {operand::positions, operand::sequences, operand::pages},
          .byte_inputs_from = operand::rotary_table,
          .state_inputs = {operand::keys, operand::values},
          .infer = infer,
          .reference = cached_attention_reference,
          .lower = lower};
}

}  // namespace troupe
