// MaxPool, AveragePool and GlobalMaxPool.
#include "kernels/pool.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/reduction.hpp"
#include "kernels/window_parameters.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> max_pool_reference(reference_context&);
result<void> average_pool_reference(reference_context&);
result<void> global_max_pool_reference(reference_context&);

namespace {

struct pool_parameters {
  std::uint32_t count;
  std::int32_t pad_end[3];
  window_parameters window;
};

/// A workgroup of 64 walks a window in at most 32,768 rounds, half of what Mesa 22.3 lets an invocation's loops run.
constexpr std::int64_t taps_max = std::int64_t{1} << 21;

result<shape> pooled_dims(const infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const shape& input = context.input_dims(0);
  TROUPE_TRY(const pool_shape pool, pool_shape_of(context.step(), input));
  return pool.window.output_shape(input[0], input[1]);
}

result<void> infer_max_pool(infer_context& context) {
  const std::int64_t order = context.step().int_or("storage_order", 0);
  if (order != 0 && order != 1)
    return fail(errc::invalid_argument, "storage_order of {} is {}; 0 or 1 is needed", context.step().describe(),
                order);
  TROUPE_TRY(const shape dims, pooled_dims(context));
  const dtype type = context.input_type(0);
  if (type != dtype::i8 && type != dtype::u8) TROUPE_CHECK(expect_same_float(context, 1));
  context.set_output(0, type, dims);
  context.set_output(1, dtype::i64, dims);
  return {};
}

result<void> infer_average_pool(infer_context& context) {
  TROUPE_TRY(const shape dims, pooled_dims(context));
  TROUPE_CHECK(expect_same_float(context, 1));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> add_pool(lowering_context& context, const sliding_window& sliding, bool is_maximum, bool counts_padding) {
  TROUPE_TRY(const window_parameters window, window_parameters_of(context.step(), sliding));
  const std::int64_t taps = sliding.taps();
  if (taps > taps_max)
    return fail(errc::unsupported, "the window of {} has {} taps; at most {} are supported on a device",
                context.step().describe(), taps, taps_max);
  const bool in_blocks = context.output_layout(0) == memory_layout::blocks;
  const std::int64_t elements = stored_elements(context.output_layout(0), context.output_dims(0));
  const std::int64_t count = in_blocks ? elements / 8 : elements;
  if (count == 0) return {};
  pool_parameters parameters{as_u32(count), {}, window};
  for (std::size_t axis = 0; axis < sliding_window::axes; ++axis)
    parameters.pad_end[axis] = static_cast<std::int32_t>(sliding.pad_end[axis]);
  if (in_blocks) {
    dispatch_operand source = context.read(0);
    source.texels = context.reads_texels(stored_elements(memory_layout::blocks, context.input_dims(0)));
    context.add({.shader = source.texels ? "pool_blocks_texel" : "pool_blocks",
                 .operands = {source, context.write(0)},
                 .push_constants = push_bytes(parameters),
                 .specialization = {is_maximum, counts_padding},
                 .groups = groups_for(count, 64, context.traits())});
    return {};
  }
  const bool cooperative = is_cooperative(context.traits(), taps);
  context.add({.shader = "pool",
               .operands = {context.read(0), context.write(0)},
               .push_constants = push_bytes(parameters),
               .specialization = {is_maximum, counts_padding, cooperative},
               .groups = groups_for(count, cooperative ? 1 : 64, context.traits())});
  return {};
}

/// A window that a workgroup shares has another order of additions, so that it stays plain wherever it stands.
layout_offer layouts(const lowering_context& context) {
  const bool wants_indices = context.step().outputs.size() > 1 && context.step().outputs[1] != no_value;
  const auto pool = pool_shape_of(context.step(), context.input_dims(0));
  if (wants_indices || !pool || is_cooperative(context.traits(), pool->window.taps())) return {};
  return {.when = layout_offer::mode::follow, .inputs = {true}, .outputs = {true}};
}

result<void> lower_pool(lowering_context& context, bool is_maximum, bool counts_padding) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const pool_shape pool, pool_shape_of(context.step(), context.input_dims(0)));
  return add_pool(context, pool.window, is_maximum, counts_padding);
}

result<void> lower_max_pool(lowering_context& context) {
  return lower_pool(context, true, false);
}

result<void> lower_average_pool(lowering_context& context) {
  return lower_pool(context, false, context.step().int_or("count_include_pad", 0) != 0);
}

result<void> infer_global_max_pool(infer_context& context) {
  TROUPE_CHECK(infer_global_pool(context));
  const shape& dims = context.input_dims(0);
  if (dims.elements(2, dims.rank()) == 0)
    return fail(errc::invalid_argument, "the operand {} of {} has channels without an element; they have no maximum",
                dims.to_string(), context.step().describe());
  return {};
}

/// One window that holds a whole plane, however many axes it has.
result<void> lower_global_max_pool(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  const shape& dims = context.input_dims(0);
  sliding_window window;
  window.rank = 1;
  window.input.back() = window.kernel.back() = dims.elements(2, dims.rank());
  return add_pool(context, window, true, false);
}

}  // namespace

operator_definition global_max_pool_operator() {
  return {.name = "GlobalMaxPool",
          .infer = infer_global_max_pool,
          .reference = global_max_pool_reference,
          .lower = lower_global_max_pool};
}

operator_definition max_pool_operator() {
  return {.name = "MaxPool",
          .infer = infer_max_pool,
          .reference = max_pool_reference,
          .lower = lower_max_pool,
          .layouts = layouts};
}

operator_definition average_pool_operator() {
  return {.name = "AveragePool",
          .infer = infer_average_pool,
          .reference = average_pool_reference,
          .lower = lower_average_pool,
          .layouts = layouts};
}

}  // namespace troupe
