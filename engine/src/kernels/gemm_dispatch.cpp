#include "kernels/gemm_dispatch.hpp"
#include "kernels/divide_up.hpp"

#include <algorithm>

#include "kernels/gemm_operands.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Terms that one invocation adds up. Mesa 22.3 ends an invocation's loops after 65,535 rounds in all without a word;
/// this leaves a wide margin, gives long reductions of few results more invocations, and rounds less.
constexpr std::int64_t slice_length = 16384;
/// On GPUs, where a product of few rows needs many more invocations than it has columns.
constexpr std::int64_t gpu_slice_length = 1024;
/// The z extent of a dispatch, by the Vulkan specification's minimum.
constexpr std::int64_t slices_max = 65535;
/// With fewer tiles than this, a GPU computes slices side by side.
constexpr std::int64_t gpu_tiles_wanted = 256;

/// Rows from which packing an operand that changes from run to run pays.
constexpr std::int64_t packed_rows_min = 4;

struct gemm_parameters {
  std::uint32_t rows, inner, columns, first_column, group_columns, left_stride, right_stride;
  std::uint32_t addend_row_stride, addend_column_stride;
  float alpha, beta, activation_a, activation_b;
  std::uint32_t batch_extents[gemm_batch_rank_max], left_strides[gemm_batch_rank_max],
      right_strides[gemm_batch_rank_max];
  std::uint32_t added_slice;
};

struct combine_parameters {
  std::uint32_t count, slices, rows, columns, addend_row_stride, addend_column_stride;
  float alpha, beta, activation_a, activation_b;
};

/// A kernel of few tile sizes: the texel form has the same name with a suffix.
struct tile_kernel {
  std::string_view name, texel_name;
  std::int64_t rows, blocks, subgroups;
};
constexpr tile_kernel tile_kernels[] = {
    {"gemm_row", "gemm_row_texel", 1, 8, 1},
    {"gemm_rows", "gemm_rows_texel", 4, 8, 2},
    {"gemm_tile", "gemm_tile_texel", 16, 8, 2},
};

result<reduction_slices> cut(const lowering_context& context, std::int64_t reduction_length, std::int64_t length) {
  const std::int64_t count = std::max<std::int64_t>(1, divide_up(reduction_length, length));
  if (count > slices_max)
    return fail(errc::unsupported, "{} sums {} products for each result; at most {} are supported on a device",
                context.step().describe(), reduction_length, slices_max * length);
  return reduction_slices{as_u32(length), as_u32(count)};
}

/// As gemm.glsl counts them.
std::uint32_t addend_kind(const std::optional<gemm_addend>& addend) {
  if (!addend) return 0;
  if (addend->row_stride == 0) return 1;
  return addend->column_stride == 0 ? 2 : 3;
}

std::int64_t matrices_of(const gemm_work& work) {
  std::int64_t matrices = 1;
  for (const std::int64_t extent : work.batch) matrices *= extent;
  return matrices;
}

/// Where products go: to the target, or as sums of slices to scratch memory.
struct destination {
  reduction_slices slices;  ///< those that are kept apart
  dispatch_operand operand;
  bool sliced = false;
};

/// Everything but shader, groups and what is special to a kernel. `right_stride`: see gemm.glsl.
dispatch product(const gemm_work& work, const placed_matrices& left, const packed_columns& right,
                 std::int64_t right_stride, const destination& to) {
  const gemm_addend term = work.addend.value_or(gemm_addend{work.left});
  const activation& last = work.epilogue.activation;
  gemm_parameters parameters{.rows = as_u32(work.rows),
                             .inner = as_u32(work.inner),
                             .columns = as_u32(work.columns),
                             .first_column = as_u32(right.first),
                             .group_columns = as_u32(right.count),
                             .left_stride = as_u32(left.row_stride),
                             .right_stride = as_u32(right_stride),
                             .addend_row_stride = as_u32(term.row_stride),
                             .addend_column_stride = as_u32(term.column_stride),
                             .alpha = work.alpha,
                             .beta = term.beta,
                             .activation_a = last.a,
                             .activation_b = last.b,
                             .batch_extents = {1, 1, 1, 1, 1, 1},
                             .left_strides = {},
                             .right_strides = {},
                             .added_slice = as_u32(right.slice)};
  const std::size_t unused = gemm_batch_rank_max - work.batch.size();
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis) {
    parameters.batch_extents[unused + axis] = as_u32(work.batch[axis]);
    parameters.left_strides[unused + axis] = as_u32(left.batch_strides[axis]);
    parameters.right_strides[unused + axis] = as_u32(right.batch_strides[axis]);
  }
  // An operand that is not there is bound to something that is. Slices wait with everything but the products.
  const dispatch_operand other{work.left.slot};
  const auto plain = [&](bool used, std::uint32_t value) { return used && !to.sliced ? value : 0; };
  return {.operands = {left.operand, right.operand, work.addend ? term.operand : other,
                       work.epilogue.residual.value_or(other), to.operand},
          .push_constants = push_bytes(parameters),
          .specialization = {plain(true, addend_kind(work.addend)), plain(true, static_cast<std::uint32_t>(last.kind)),
                             plain(work.epilogue.residual.has_value(), 1), to.sliced,
                             static_cast<std::uint32_t>(work.batch.size()), to.slices.length}};
}

/// What finish_eight() of gemm.glsl asks for.
bool stores_words(const gemm_work& work, const destination& to) {
  if (to.sliced || work.columns % 8 != 0) return false;
  if (!work.addend) return true;
  return work.addend->row_stride == 0 ? work.addend->column_stride == 1 : work.addend->column_stride == 0;
}

/// For software devices: subgroups own tiles, and operands come packed.
result<void> add_packed(lowering_context& context, const gemm_work& work, const destination& to) {
  placed_matrices left = left_of(work);
  TROUPE_CHECK(align_left(context, work, left));
  TROUPE_TRY(const auto groups, pack_right(context, work, right_of(work)));
  const auto kernel = std::find_if(std::begin(tile_kernels), std::end(tile_kernels) - 1,
                                   [&](const tile_kernel& k) { return work.rows <= k.rows; });
  const std::int64_t left_elements = distinct_matrices(work, left) * work.rows * left.row_stride;
  for (packed_columns right : groups) {
    right.operand.texels = left.operand.texels = right.operand.texels && context.reads_texels(left_elements);
    dispatch step = product(work, left, right, 8 * round_up_to_eight(work.inner), to);
    step.shader = left.operand.texels ? kernel->texel_name : kernel->name;
    step.specialization.push_back(kernel->rows > 1 && stores_words(work, to));
    step.specialization.push_back(right.coded);
    const std::int64_t tiles =
        matrices_of(work) * divide_up(work.rows, kernel->rows) * divide_up(divide_up(right.count, 8), kernel->blocks);
    step.groups = groups_for(tiles, static_cast<std::uint32_t>(kernel->subgroups), context.traits());
    step.groups[2] = to.slices.count;
    context.add(std::move(step));
  }
  return {};
}

/// For software devices: few rows, and a right operand that is not worth packing.
void add_direct(lowering_context& context, const gemm_work& work, const destination& to) {
  const placed_matrices left = left_of(work);
  const placed_matrices right = right_of(work);
  const packed_columns all{right.operand, 0, work.columns, right.batch_strides};
  dispatch step = product(work, left, all, right.row_stride, to);
  const bool wide = !left.transposed && left.row_stride % 8 == 0 && right.row_stride % 8 == 0 && work.inner % 8 == 0;
  step.shader = "gemm_direct";
  step.specialization.insert(step.specialization.end(), {left.transposed, right.transposed, wide});
  step.groups = groups_for(matrices_of(work) * work.rows * divide_up(work.columns, 8), 64, context.traits());
  step.groups[2] = to.slices.count;
  context.add(std::move(step));
}

/// For GPUs: a workgroup computes a tile of rows x columns.
struct shared_tile {
  std::string_view shader;
  std::int64_t rows = 0, columns = 0;
  std::vector<std::uint32_t> specialization;  ///< behind what all these kernels have
};

std::int64_t count_tiles(const gemm_work& work, std::int64_t rows, std::int64_t columns) {
  return matrices_of(work) * divide_up(work.rows, rows) * divide_up(work.columns, columns);
}

/// Fewer rows want smaller tiles and more workgroups; more rows want each operand to be read by fewer. With matrix
/// units a tile is so many parts of so many units, and a subgroup computes a part.
shared_tile choose_tile(const lowering_context& context, const gemm_work& work) {
  const device_traits& traits = context.traits();
  const matrix_unit& unit = traits.matrix;
  if (!unit || context.storage() != dtype::f16)
    return work.rows <= 4 ? shared_tile{"gemm_shared_rows", 4, 64, {}} : shared_tile{"gemm_shared", 64, 64, {}};
  const auto units_of = [&](std::uint32_t parts_down, std::uint32_t parts_across, std::uint32_t rows,
                            std::uint32_t columns) {
    const std::uint32_t down = std::max(1u, rows / (parts_down * unit.rows));
    const std::uint32_t across = std::max(1u, columns / (parts_across * unit.columns));
    return shared_tile{"gemm_cooperative",
                       parts_down * down * unit.rows,
                       parts_across * across * unit.columns,
                       {unit.rows, unit.columns, unit.terms, parts_down, parts_across, down, across,
                        parts_down * parts_across * traits.subgroup_size}};
  };
  // Two tiles of operands with 32 terms and 8 elements more in each line, and one unit's sums of each part.
  constexpr std::uint32_t large_tile_bytes = 2 * 128 * 40 * 2 + 8 * 256 * 4;
  if (work.rows <= unit.rows) return units_of(1, 4, unit.rows, 64);
  if (count_tiles(work, 128, 128) >= gpu_tiles_wanted && 8 * traits.subgroup_size <= traits.group_invocations_max &&
      large_tile_bytes <= traits.shared_memory_bytes)
    return units_of(2, 4, 128, 128);
  return units_of(2, 2, 64, 64);
}

/// Elements that one binding holds.
std::int64_t binding_elements(const lowering_context& context) {
  return static_cast<std::int64_t>(context.traits().storage_range_max / size_of(context.storage()));
}

/// True when a GPU's kernels cannot reach all of the right operand at a time, and its columns do not lie together: it
/// is multiplied slice by slice, each added to those before.
bool adds_slices(const lowering_context& context, const gemm_work& work) {
  const placed_matrices right = right_of(work);
  return !right.transposed && work.batch.empty() && work.inner * right.row_stride > binding_elements(context);
}

/// The right operand in pieces that one binding can hold: all of it, groups of columns, or slices of `length` terms.
std::vector<packed_columns> parts_of(const lowering_context& context, const gemm_work& work,
                                     const placed_matrices& right, std::int64_t length) {
  const std::int64_t binding = binding_elements(context);
  std::vector<packed_columns> parts;
  const auto add = [&](std::int64_t line, std::int64_t lines) -> packed_columns& {
    packed_columns& part = parts.emplace_back(packed_columns{right.operand, 0, work.columns, right.batch_strides});
    part.operand.part_begin = line * right.row_stride;
    part.operand.part_elements = lines * right.row_stride;
    return part;
  };
  if (adds_slices(context, work)) {
    for (std::int64_t term = 0; term < work.inner; term += length)
      add(term, std::min(length, work.inner - term)).slice = term / length;
  } else if (right.transposed && work.batch.empty() && work.columns * right.row_stride > binding) {
    const std::int64_t group = std::max(binding / right.row_stride / part_alignment * part_alignment, part_alignment);
    for (std::int64_t first = 0; first < work.columns; first += group) {
      const std::int64_t count = std::min(group, work.columns - first);
      packed_columns& part = add(first, count);
      part.first = first;
      part.count = count;
    }
  } else {
    parts.push_back({right.operand, 0, work.columns, right.batch_strides});
  }
  return parts;
}

/// For GPUs: workgroups share operands, which are read as they lie.
void add_shared(lowering_context& context, const gemm_work& work, const shared_tile& tile, const destination& to) {
  const placed_matrices left = left_of(work);
  const placed_matrices right = right_of(work);
  // Words of eight elements must not reach past the end of what is multiplied.
  const auto is_wide = [](const placed_matrices& operand, std::int64_t length) {
    return operand.row_stride % 8 == 0 && length % 8 == 0 && length > 0;
  };
  const bool wide_left = is_wide(left, left.transposed ? work.rows : work.inner);
  const bool wide_right = is_wide(right, right.transposed ? work.inner : work.columns);
  for (const packed_columns& part : parts_of(context, work, right, to.slices.length)) {
    dispatch step = product(work, left, part, right.row_stride, to);
    step.shader = tile.shader;
    step.specialization.insert(step.specialization.end(), {left.transposed, right.transposed, wide_left, wide_right});
    step.specialization.insert(step.specialization.end(), tile.specialization.begin(), tile.specialization.end());
    const std::int64_t tiles =
        matrices_of(work) * divide_up(work.rows, tile.rows) * divide_up(part.count, tile.columns);
    step.groups = groups_for(tiles, 1, context.traits());
    step.groups[2] = to.slices.count;
    context.add(std::move(step));
  }
}

/// True when a GPU's workgroups compute slices side by side. Either way an element is the same sum of the same slices.
bool splits_reduction(const gemm_work& work, const shared_tile& tile, std::int64_t elements,
                      const reduction_slices& slices) {
  if (slices.count == 1) return false;
  // Beyond slice_length, a driver that cuts loops could be the one that runs this.
  constexpr std::int64_t partial_sums_max = std::int64_t{1} << 24;
  return (count_tiles(work, tile.rows, tile.columns) < gpu_tiles_wanted || work.inner > slice_length) &&
         elements * slices.count <= partial_sums_max;
}

}  // namespace

result<reduction_slices> slices_of(const lowering_context& context, std::int64_t reduction_length) {
  return cut(context, reduction_length, slice_length);
}

result<std::uint32_t> slice_scratch(lowering_context& context, const reduction_slices& slices, std::int64_t elements) {
  const std::int64_t floats = elements * slices.count;
  if (floats >= std::int64_t{1} << 31)
    return fail(errc::unsupported, "{} needs {} partial sums; a device computes with fewer than {}",
                context.step().describe(), floats, std::int64_t{1} << 31);
  return context.scratch(context.storage() == dtype::f16 ? 2 * floats : floats);
}

void add_combine(lowering_context& context, std::uint32_t partial, const reduction_slices& slices,
                 std::int64_t elements, std::int64_t rows, std::int64_t columns, float alpha,
                 const std::optional<gemm_addend>& addend, dispatch_operand target, const gemm_epilogue& epilogue) {
  const gemm_addend term = addend.value_or(gemm_addend{{partial}});
  const activation& last = epilogue.activation;
  context.add({.shader = "combine_slices",
               .operands = {{partial}, term.operand, epilogue.residual.value_or(dispatch_operand{partial}), target},
               .push_constants = push_bytes(combine_parameters{
                   as_u32(elements), slices.count, as_u32(rows), as_u32(columns), as_u32(term.row_stride),
                   as_u32(term.column_stride), alpha, term.beta, last.a, last.b}),
               .specialization = {addend ? 1u : 0u, static_cast<std::uint32_t>(last.kind), epilogue.residual ? 1u : 0u},
               .groups = groups_for(elements, 64, context.traits())});
}

result<void> add_gemm(lowering_context& context, gemm_work work) {
  simplify(work);
  const std::int64_t elements = matrices_of(work) * work.rows * work.columns;
  if (elements == 0) return {};
  if (work.batch.size() > gemm_batch_rank_max)
    return fail(errc::unsupported, "{} broadcasts over {} batch axes; at most {} are supported on a device",
                context.step().describe(), work.batch.size(), gemm_batch_rank_max);

  const device_traits& traits = context.traits();
  const bool owns_tiles = traits.software && traits.subgroup_size == 8 && traits.subgroup_shuffle;
  const shared_tile tile = owns_tiles ? shared_tile{} : choose_tile(context, work);
  TROUPE_TRY(const reduction_slices slices, cut(context, work.inner, owns_tiles ? slice_length : gpu_slice_length));
  const bool adds = !owns_tiles && adds_slices(context, work);
  const bool apart = owns_tiles ? slices.count > 1 : !adds && splits_reduction(work, tile, elements, slices);
  destination to{.slices = {slices.length, apart ? slices.count : 1}, .operand = work.target, .sliced = adds || apart};
  if (to.sliced) {
    TROUPE_TRY(const std::uint32_t partial, slice_scratch(context, to.slices, elements));
    to.operand = {partial, true};
  }

  const auto right_bytes = static_cast<std::uint64_t>(work.inner * work.columns) * size_of(context.storage());
  const bool packs =
      is_constant(context, work.right) || work.rows >= packed_rows_min || right_bytes > traits.storage_range_max;
  if (!owns_tiles)
    add_shared(context, work, tile, to);
  else if (packs && work.inner > 0)
    TROUPE_CHECK(add_packed(context, work, to));
  else
    add_direct(context, work, to);
  if (to.sliced)
    add_combine(context, to.operand.slot, to.slices, elements, work.rows, work.columns, work.alpha, work.addend,
                work.target, work.epilogue);
  return {};
}

}  // namespace troupe
