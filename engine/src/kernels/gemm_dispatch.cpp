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

struct gemm_parameters {
  std::uint32_t rows, inner, columns, matrices, slice_length, addend_row_stride, addend_column_stride;
  float alpha, beta;
  std::uint32_t batch_rank, batch_extents[batch_rank_max], left_strides[batch_rank_max], right_strides[batch_rank_max];
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
                               kept.left_strides[0] == kept.rows * kept.inner &&
                               (!kept.addend || kept.addend->row_stride == 0);
  if (one_tall_matrix) {
    kept.rows *= kept.batch[0];
    kept.batch.clear(), kept.left_strides.clear(), kept.right_strides.clear();
  }
  work = std::move(kept);
}

}  // namespace

result<reduction_slices> slices_of(const lowering_context& context, std::int64_t reduction_length) {
  const std::int64_t count = std::max<std::int64_t>(1, (reduction_length + slice_length - 1) / slice_length);
  if (count > slices_max)
    return fail(errc::unsupported, "{} sums {} products for each result; at most {} are supported on a device",
                context.step().describe(), reduction_length, slices_max * slice_length);
  return reduction_slices{as_u32(slice_length), as_u32(count)};
}

std::uint32_t slice_scratch(lowering_context& context, const reduction_slices& slices, std::int64_t elements) {
  const std::int64_t floats = elements * slices.count;
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

  TROUPE_TRY(const reduction_slices slices, slices_of(context, work.inner));
  const bool sliced = slices.count > 1;
  const std::uint32_t partial = sliced ? slice_scratch(context, slices, elements) : 0;
  const gemm_addend term = work.addend.value_or(gemm_addend{work.left});

  gemm_parameters parameters{as_u32(work.rows),
                             as_u32(work.inner),
                             as_u32(work.columns),
                             as_u32(matrices),
                             slices.length,
                             as_u32(term.row_stride),
                             as_u32(term.column_stride),
                             work.alpha,
                             term.beta,
                             as_u32(static_cast<std::int64_t>(work.batch.size())),
                             {},
                             {},
                             {}};
  // Matrices start at multiples of the batch strides, so these decide the alignment together with the rows' length.
  bool left_wide = !work.left_transposed && work.inner % 8 == 0;
  bool right_wide = (work.right_transposed ? work.inner : work.columns) % 8 == 0;
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis) {
    parameters.batch_extents[axis] = as_u32(work.batch[axis]);
    parameters.left_strides[axis] = as_u32(work.left_strides[axis]);
    parameters.right_strides[axis] = as_u32(work.right_strides[axis]);
    left_wide = left_wide && work.left_strides[axis] % 8 == 0;
    right_wide = right_wide && work.right_strides[axis] % 8 == 0;
  }
  const std::int64_t tile_rows = work.rows < 4 ? 1 : 8;
  const std::int64_t tiles = matrices * ((work.rows + tile_rows - 1) / tile_rows) * ((work.columns + 7) / 8);
  auto groups = groups_for(tiles, 64, context.traits());
  groups[2] = slices.count;
  context.add(
      {.shader = tile_rows == 1 ? "gemm_1x8" : "gemm_8x8",
       .operands = {work.left, work.right, term.operand, sliced ? dispatch_operand{partial, true} : work.target},
       .push_constants = push_bytes(parameters),
       .specialization = {work.left_transposed, work.right_transposed, left_wide, right_wide,
                          work.addend.has_value() && !sliced, sliced},
       .groups = groups});
  if (sliced)
    add_combine(context, partial, slices, elements, work.rows, work.columns, work.alpha, work.addend, work.target);
  return {};
}

}  // namespace troupe
