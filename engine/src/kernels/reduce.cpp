// The Reduce family (ReduceMean, ReduceSum, ReduceMax, ...), and GlobalAveragePool, which is the mean over all spatial
// axes.
#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/pool.hpp"
#include "kernels/reduction.hpp"
#include "kernels/sliding_window.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> reduce_reference(reference_context&);
result<void> global_average_pool_reference(reference_context&);

namespace {

constexpr std::size_t merged_axes_max = limits::rank_max / 2;
/// A workgroup of 64 passes over this many elements in 16,384 rounds, at most twice. Mesa 22.3 ends an invocation's
/// loops after 65,535 rounds in all without a word.
constexpr std::int64_t slice_length = std::int64_t{1} << 20;

struct parameters {
  std::uint32_t count, length, slice_length;
  float scale;
  std::uint32_t kept_extents[merged_axes_max], kept_strides[merged_axes_max];
  std::uint32_t reduced_extents[merged_axes_max], reduced_strides[merged_axes_max];
};

/// For mean_blocks.
struct plane_parameters {
  std::uint32_t images, channels, positions;
};

/// Push constants of reduce_slices.comp.
struct slices_parameters {
  std::uint32_t count, slices;
  float scale;
};

constexpr reduction_kind kinds[] = {
    {"ReduceL1", reduction_function::l1, 18},          {"ReduceL2", reduction_function::l2, 18},
    {"ReduceLogSum", reduction_function::log_sum, 18}, {"ReduceLogSumExp", reduction_function::log_sum_exp, 18},
    {"ReduceMax", reduction_function::maximum, 18},    {"ReduceMean", reduction_function::mean, 18},
    {"ReduceMin", reduction_function::minimum, 18},    {"ReduceProd", reduction_function::product, 18},
    {"ReduceSum", reduction_function::sum, 13},        {"ReduceSumSquare", reduction_function::sum_square, 18},
};

/// Up to four axes that step evenly, the innermost last; unused ones lead with extent 1.
struct merged_axes {
  std::uint32_t extents[merged_axes_max] = {1, 1, 1, 1};
  std::uint32_t strides[merged_axes_max] = {};
  std::size_t used = 0;

  /// Called from the innermost axis outwards.
  void add(std::int64_t extent, std::int64_t stride) {
    const std::size_t last = merged_axes_max - used;  // the outermost one so far
    if (used > 0 && as_u32(stride) == extents[last] * strides[last]) {
      extents[last] *= as_u32(extent);
    } else {
      ++used;
      extents[merged_axes_max - used] = as_u32(extent);
      strides[merged_axes_max - used] = as_u32(stride);
    }
  }
};

result<reduction> plan_of(const node& step, const shape& dims, const tensor* axes) {
  if (axes) {
    TROUPE_TRY(const tensor wide, convert(*axes, dtype::i64));
    return reduction_of(step, dims, wide.as<std::int64_t>());
  }
  TROUPE_TRY(const auto listed, list_attribute(step, "axes", {}));
  return reduction_of(step, dims, listed);
}

result<void> infer_reduce(infer_context& context) {
  const reduction_kind& kind = *find_reduction(context.step().op);
  const bool axes_are_operand = context.step().version >= kind.axes_operand_since;
  TROUPE_CHECK(context.expect_inputs(1, axes_are_operand ? 2 : 1));
  const bool compares = kind.function == reduction_function::maximum || kind.function == reduction_function::minimum;
  if (context.input_type(0) == dtype::boolean && !compares)
    return fail(errc::invalid_argument, "{} is not defined for bool", context.step().describe());
  if (context.has_input(1)) TROUPE_CHECK(context.input_ints(1, "the axes"));
  TROUPE_TRY(const reduction plan, plan_of(context.step(), context.input_dims(0), context.input_value(1)));
  context.set_output(0, context.input_type(0), plan.output);
  return {};
}

result<void> lower_reduce(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  TROUPE_TRY(const reduction plan, plan_of(context.step(), context.input_dims(0), context.input_value(1)));
  const reduction_function function = find_reduction(context.step().op)->function;
  if (!plan.keeps_all) return add_reduction(context, function, plan.reduced, plan.length);
  context.alias(0, 0);
  return {};
}

/// From this many positions on, a workgroup shares a plane of blocks.
constexpr std::int64_t shared_plane_min = 1024;
/// Its invocations do 32,768 rounds then, half of what Mesa 22.3 lets an invocation's loops run.
constexpr std::int64_t shared_plane_max = std::int64_t{1} << 21;

/// Always in blocks where they exist: the order of additions differs from that of plain tensors.
layout_offer global_average_pool_layouts(const lowering_context& context) {
  const shape& dims = context.input_dims(0);
  if (!has_blocks(dims) || dims.elements(2, dims.rank()) > shared_plane_max) return {};
  return {.when = layout_offer::mode::blocks, .inputs = {true}};
}

result<void> lower_global_average_pool(lowering_context& context) {
  TROUPE_CHECK(expect_indexable(context, {0}));
  const shape& dims = context.input_dims(0);
  if (context.input_layout(0) == memory_layout::blocks) {
    const std::int64_t positions = dims.elements(2, dims.rank());
    const std::int64_t blocks = dims[0] * ((dims[1] + 7) / 8);
    const bool cooperative = positions >= shared_plane_min;
    dispatch_operand source = context.read(0);
    source.texels = context.reads_texels(8 * blocks * positions);
    context.add({.shader = source.texels ? "mean_blocks_texel" : "mean_blocks",
                 .operands = {source, context.write(0)},
                 .push_constants = push_bytes(plane_parameters{as_u32(dims[0]), as_u32(dims[1]), as_u32(positions)}),
                 .specialization = {cooperative},
                 .groups = groups_for(blocks, cooperative ? 1 : 64, context.traits())});
    return {};
  }
  std::array<bool, limits::rank_max> reduced{};
  std::fill(reduced.begin() + 2, reduced.end(), true);
  return add_reduction(context, reduction_function::mean, reduced, dims.elements(2, dims.rank()));
}

operator_definition reduction_operator(std::string_view op) {
  return {.name = op, .host_inputs = {1}, .infer = infer_reduce, .reference = reduce_reference, .lower = lower_reduce};
}

}  // namespace

const reduction_kind* find_reduction(std::string_view op) {
  for (const reduction_kind& kind : kinds)
    if (kind.op == op) return &kind;
  return nullptr;
}

result<void> add_reduction(lowering_context& context, reduction_function function,
                           const std::array<bool, limits::rank_max>& reduced, std::int64_t length) {
  const shape& dims = context.input_dims(0);
  const std::int64_t count = context.output_dims(0).elements();
  if (count == 0) return {};
  const auto steps = dims.strides();
  merged_axes kept, gone;
  for (std::size_t axis = dims.rank(); axis-- > 0;)
    if (dims[axis] != 1) (reduced[axis] ? gone : kept).add(dims[axis], steps[axis]);

  const std::int64_t slices = std::max<std::int64_t>(1, (length + slice_length - 1) / slice_length);
  const float scale = 1.0f / static_cast<float>(length);
  parameters block{as_u32(count), as_u32(length), as_u32(slice_length), scale, {}, {}, {}, {}};
  std::copy_n(kept.extents, merged_axes_max, block.kept_extents);
  std::copy_n(kept.strides, merged_axes_max, block.kept_strides);
  std::copy_n(gone.extents, merged_axes_max, block.reduced_extents);
  std::copy_n(gone.strides, merged_axes_max, block.reduced_strides);

  const bool sliced = slices > 1;
  const bool cooperative = is_cooperative(context.traits(), length);
  std::uint32_t partial = 0;
  if (sliced) {
    const std::int64_t floats = slices * count;
    if (floats >= std::int64_t{1} << 31)
      return fail(errc::unsupported, "{} needs {} partial results; a device computes with fewer than {}",
                  context.step().describe(), floats, std::int64_t{1} << 31);
    partial = context.scratch(context.storage() == dtype::f16 ? 2 * floats : floats);
  }
  const auto which = static_cast<std::uint32_t>(function);
  auto groups = groups_for(count, cooperative ? 1 : 64, context.traits());
  groups[2] = as_u32(slices);
  context.add({.shader = "reduce",
               .operands = {context.read(0), sliced ? dispatch_operand{partial, true} : context.write(0)},
               .push_constants = push_bytes(block),
               .specialization = {which, cooperative, gone.used <= 1, sliced},
               .groups = groups});
  if (sliced)
    context.add({.shader = "reduce_slices",
                 .operands = {{partial, false}, context.write(0)},
                 .push_constants = push_bytes(slices_parameters{as_u32(count), as_u32(slices), scale}),
                 .specialization = {which},
                 .groups = groups_for(count, 64, context.traits())});
  return {};
}

bool is_cooperative(const device_traits& traits, std::int64_t length) {
  // A software device runs a workgroup's barriers by switching stacks, and a GPU hides a short serial loop.
  return length > (traits.software ? 4096 : 256);
}

result<reduction> reduction_of(const node& step, const shape& dims, std::span<const std::int64_t> axes) {
  reduction made;
  if (axes.empty() && step.int_or("noop_with_empty_axes", 0) != 0) {
    made.output = dims;
    made.keeps_all = true;
    return made;
  }
  if (axes.empty()) std::fill_n(made.reduced.begin(), dims.rank(), true);
  for (const std::int64_t axis : axes) {
    auto index = normalize_axis(axis, dims.rank());
    if (!index) return std::move(index).while_doing("reading axes of " + step.describe()).error();
    made.reduced[*index] = true;
  }
  const bool keeps_rank = step.int_or("keepdims", 1) != 0;
  std::vector<std::int64_t> output;
  for (std::size_t axis = 0; axis < dims.rank(); ++axis) {
    if (!made.reduced[axis]) output.push_back(dims[axis]);
    if (made.reduced[axis] && keeps_rank) output.push_back(1);
    if (made.reduced[axis]) made.length *= dims[axis];
  }
  TROUPE_TRY(made.output, shape::make(output));
  return made;
}

operator_definition reduce_l1_operator() {
  return reduction_operator("ReduceL1");
}
operator_definition reduce_l2_operator() {
  return reduction_operator("ReduceL2");
}
operator_definition reduce_log_sum_operator() {
  return reduction_operator("ReduceLogSum");
}
operator_definition reduce_log_sum_exp_operator() {
  return reduction_operator("ReduceLogSumExp");
}
operator_definition reduce_max_operator() {
  return reduction_operator("ReduceMax");
}
operator_definition reduce_mean_operator() {
  return reduction_operator("ReduceMean");
}
operator_definition reduce_min_operator() {
  return reduction_operator("ReduceMin");
}
operator_definition reduce_prod_operator() {
  return reduction_operator("ReduceProd");
}
operator_definition reduce_sum_operator() {
  return reduction_operator("ReduceSum");
}
operator_definition reduce_sum_square_operator() {
  return reduction_operator("ReduceSumSquare");
}

operator_definition global_average_pool_operator() {
  return {.name = "GlobalAveragePool",
          .infer = infer_global_pool,
          .reference = global_average_pool_reference,
          .lower = lower_global_average_pool,
          .layouts = global_average_pool_layouts};
}

}  // namespace troupe
