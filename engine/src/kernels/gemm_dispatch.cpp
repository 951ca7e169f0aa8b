#include "kernels/gemm_dispatch.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::size_t batch_rank_max = 6;
/// Terms that one invocation adds up. Mesa 22.3 ends an invocation's loops after 65,535 rounds in all without a word;
/// this leaves a wide margin, gives long reductions of few results more invocations, and rounds less.
constexpr std::int64_t slice_length = 16384;
/// The z extent of a dispatch, by the Vulkan specification's minimum.
constexpr std::int64_t slices_max = 65535;

/// Fewer rows than this would leave most of a tile of eight empty.
constexpr std::int64_t tiled_rows_min = 4;

struct gemm_parameters {
  std::uint32_t rows, inner, columns, matrices;
  std::uint32_t left_row_stride, left_stride, right_stride;
  std::uint32_t slice_length, addend_row_stride, addend_column_stride;
  float alpha, beta;
  std::uint32_t batch_rank, batch_extents[batch_rank_max], left_strides[batch_rank_max], right_strides[batch_rank_max];
};

struct align_parameters {
  std::uint32_t matrices, rows, columns, row_stride, stride, target_rows, target_eights;
};

struct combine_parameters {
  std::uint32_t count, slices, rows, columns, addend_row_stride, addend_column_stride;
  float alpha, beta;
};

/// Fewer batch axes make the same addresses: axes of extent 1 go, and neighbours that step evenly become one. A batch
/// that shares `right` is one taller matrix.
void simplify(gemm_work& work) {
  gemm_work kept = work;
  kept.batch.clear(), kept.left_strides.clear(), kept.right_strides.clear();
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis) {
    const std::int64_t extent = work.batch[axis];
    if (extent == 1) continue;
    if (!kept.batch.empty() && kept.left_strides.back() == work.left_strides[axis] * extent &&
        kept.right_strides.back() == work.right_strides[axis] * extent) {
      kept.batch.back() *= extent;
      kept.left_strides.back() = work.left_strides[axis];
      kept.right_strides.back() = work.right_strides[axis];
    } else {
      kept.batch.push_back(extent);
      kept.left_strides.push_back(work.left_strides[axis]);
      kept.right_strides.push_back(work.right_strides[axis]);
    }
  }
  const bool one_tall_matrix = kept.batch.size() == 1 && kept.right_strides[0] == 0 && !kept.left_transposed &&
                               !kept.aligned && kept.left_strides[0] == kept.rows * kept.inner &&
                               (!kept.addend || kept.addend->row_stride == 0);
  if (one_tall_matrix) {
    kept.rows *= kept.batch[0];
    kept.batch.clear(), kept.left_strides.clear(), kept.right_strides.clear();
  }
  work = std::move(kept);
}

/// One operand's matrices as a kernel finds them.
struct placed_matrices {
  dispatch_operand operand;
  std::int64_t row_stride = 0, stride = 1;
  std::vector<std::int64_t> batch_strides;
};

constexpr std::int64_t round_up(std::int64_t value) {
  return (value + 7) / 8 * 8;
}

/// Appends a copy of `from`, whose matrices are [rows, columns], with rows of round_up(columns) elements, and makes
/// `from` refer to it.
result<void> add_aligned_copy(lowering_context& context, const gemm_work& work, placed_matrices& from,
                              std::int64_t rows, std::int64_t columns, std::int64_t target_rows) {
  std::int64_t matrices = 1;
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis)
    if (from.batch_strides[axis] != 0) matrices *= work.batch[axis];
  const std::int64_t elements = matrices * target_rows * round_up(columns);
  if (elements >= std::int64_t{1} << 31)
    return fail(errc::unsupported,
                "an operand of {} has {} elements when its rows are aligned; a device computes with "
                "fewer than {}",
                context.step().describe(), elements, std::int64_t{1} << 31);
  const std::uint32_t copy = context.scratch(elements);
  context.add({.shader = "align_matrix",
               .operands = {from.operand, {copy, true}},
               .push_constants = push_bytes(align_parameters{as_u32(matrices), as_u32(rows), as_u32(columns),
                                                             as_u32(from.row_stride), as_u32(from.stride),
                                                             as_u32(target_rows), as_u32(round_up(columns) / 8)}),
               .groups = groups_for(elements / 8, 64, context.traits())});
  for (std::int64_t& stride : from.batch_strides) stride = stride / (rows * columns) * target_rows * round_up(columns);
  from.operand = {copy, false};
  from.row_stride = round_up(columns);
  from.stride = 1;
  return {};
}

/// What gemm_tile.glsl asks of its operands.
result<void> align(lowering_context& context, const gemm_work& work, placed_matrices& left, placed_matrices& right) {
  if (work.aligned) return {};
  const bool ragged = work.inner % 8 != 0;
  if (ragged || work.left_transposed)
    TROUPE_CHECK(add_aligned_copy(context, work, left, work.rows, work.inner, work.rows));
  if (work.right_transposed && ragged)
    return add_aligned_copy(context, work, right, work.columns, work.inner, work.columns);
  if (!work.right_transposed && (ragged || work.columns % 8 != 0))
    return add_aligned_copy(context, work, right, work.inner, work.columns, round_up(work.inner));
  return {};
}

/// Appends the products themselves; `target` receives results, or sums of slices.
void add_products(lowering_context& context, const gemm_work& work, const placed_matrices& left,
                  const placed_matrices& right, std::int64_t matrices, const reduction_slices& slices,
                  dispatch_operand target, bool tiled) {
  const bool sliced = slices.count > 1;
  const gemm_addend term = work.addend.value_or(gemm_addend{work.left});
  // As gemm.glsl counts them: none (also when it waits for the slices), anything, one for each row.
  const std::uint32_t addend_kind = !work.addend || sliced ? 0 : term.column_stride != 0 ? 1 : 2;
  gemm_parameters parameters{.rows = as_u32(work.rows),
                             .inner = as_u32(work.inner),
                             .columns = as_u32(work.columns),
                             .matrices = as_u32(matrices),
                             .left_row_stride = as_u32(left.row_stride),
                             .left_stride = as_u32(left.stride),
                             .right_stride = as_u32(right.row_stride),
                             .slice_length = slices.length,
                             .addend_row_stride = as_u32(term.row_stride),
                             .addend_column_stride = as_u32(term.column_stride),
                             .alpha = work.alpha,
                             .beta = term.beta,
                             .batch_rank = as_u32(static_cast<std::int64_t>(work.batch.size()))};
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis) {
    parameters.batch_extents[axis] = as_u32(work.batch[axis]);
    parameters.left_strides[axis] = as_u32(left.batch_strides[axis]);
    parameters.right_strides[axis] = as_u32(right.batch_strides[axis]);
  }
  dispatch products{.operands = {left.operand, right.operand, term.operand, target},
                    .push_constants = push_bytes(parameters),
                    .specialization = {work.right_transposed, addend_kind, sliced}};
  const std::int64_t across = (work.columns + 7) / 8;
  if (tiled) {
    // Tiles are handed to subgroups eight abreast, which must not waste more than it saves.
    const bool shares_rows =
        context.traits().software && context.traits().subgroup_size == 8 && round_up(across) * 4 <= across * 5;
    products.shader = shares_rows ? "gemm_tile_shared" : "gemm_tile";
    const std::int64_t tiles = (shares_rows ? round_up(across) : across) * ((work.rows + 7) / 8);
    products.groups = groups_for(matrices * tiles, 64, context.traits());
  } else {
    const bool wide = left.stride == 1 && left.row_stride % 8 == 0 && right.row_stride % 8 == 0 && work.inner % 8 == 0;
    products.shader = "gemm_row";
    products.specialization.push_back(wide);
    products.groups = groups_for(matrices * work.rows * across, 64, context.traits());
  }
  products.groups[2] = slices.count;
  context.add(std::move(products));
}

}  // namespace

result<reduction_slices> slices_of(const lowering_context& context, std::int64_t reduction_length) {
  const std::int64_t count = std::max<std::int64_t>(1, (reduction_length + slice_length - 1) / slice_length);
  if (count > slices_max)
    return fail(errc::unsupported, "{} sums {} products for each result; at most {} are supported on a device",
                context.step().describe(), reduction_length, slices_max * slice_length);
  return reduction_slices{as_u32(slice_length), as_u32(count)};
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
                 const std::optional<gemm_addend>& addend, dispatch_operand target) {
  const gemm_addend term = addend.value_or(gemm_addend{{partial, false}});
  context.add({.shader = "combine_slices",
               .operands = {{partial, false}, term.operand, target},
               .push_constants = push_bytes(combine_parameters{as_u32(elements), slices.count, as_u32(rows),
                                                               as_u32(columns), as_u32(term.row_stride),
                                                               as_u32(term.column_stride), alpha, term.beta}),
               .specialization = {addend ? 1u : 0u},
               .groups = groups_for(elements, 64, context.traits())});
}

result<void> add_gemm(lowering_context& context, gemm_work work) {
  simplify(work);
  std::int64_t matrices = 1;
  for (const std::int64_t extent : work.batch) matrices *= extent;
  const std::int64_t elements = matrices * work.rows * work.columns;
  if (elements == 0) return {};
  if (work.batch.size() > batch_rank_max)
    return fail(errc::unsupported, "{} broadcasts over {} batch axes; at most {} are supported on a device",
                context.step().describe(), work.batch.size(), batch_rank_max);

  const auto row_length = [&](std::int64_t elements_in_row) {
    return work.aligned ? round_up(elements_in_row) : elements_in_row;
  };
  placed_matrices left{.operand = work.left,
                       .row_stride = work.left_transposed ? 1 : row_length(work.inner),
                       .stride = work.left_transposed ? row_length(work.rows) : 1,
                       .batch_strides = work.left_strides};
  placed_matrices right{.operand = work.right,
                        .row_stride = row_length(work.right_transposed ? work.inner : work.columns),
                        .batch_strides = work.right_strides};
  const bool tiled = work.rows >= tiled_rows_min && work.inner > 0;
  if (tiled) TROUPE_CHECK(align(context, work, left, right));

  TROUPE_TRY(const reduction_slices slices, slices_of(context, work.inner));
  if (slices.count == 1) {
    add_products(context, work, left, right, matrices, slices, work.target, tiled);
    return {};
  }
  TROUPE_TRY(const std::uint32_t partial, slice_scratch(context, slices, elements));
  add_products(context, work, left, right, matrices, slices, {partial, true}, tiled);
  add_combine(context, partial, slices, elements, work.rows, work.columns, work.alpha, work.addend, work.target);
  return {};
}

}  // namespace troupe
