#include "kernels/linear_dispatch.hpp"
#include "kernels/divide_up.hpp"

#include <algorithm>

#include "kernels/gated_activation.hpp"
#include "kernels/gemm_operands.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/packed_blocks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Number of an activation in linear.glsl.
constexpr std::uint32_t softcap_kind = 1000;

/// As linear.glsl has them.
struct linear_parameters {
  std::uint32_t rows, inner, columns, first_column, own_columns, left_stride, row_words;
  float scale, activation_a, activation_b;
};

/// As linear.glsl has them for experts.
struct expert_parameters {
  linear_parameters linear;
  std::uint32_t slots, experts, first_row, part_rows;
};

/// A kernel of one tile size: the texel form has the same name with a suffix.
struct tile_kernel {
  std::string_view name, texel_name;
  std::int64_t rows;
};
constexpr tile_kernel tile_kernels[] = {
    {"linear_row", "linear_row_texel", 1},
    {"linear_rows", "linear_rows_texel", 4},
    {"linear_tile", "linear_tile_texel", 16},
};
constexpr std::int64_t tile_blocks = 8;  ///< of eight columns; half of them gates when there are gates

linear_parameters parameters_of(const linear_work& work, const placed_matrices& x, const packed_rows& weights) {
  return {.rows = as_u32(work.rows),
          .inner = as_u32(work.linear.inner),
          .columns = as_u32(work.linear.columns),
          .first_column = as_u32(weights.first),
          .own_columns = as_u32(weights.count),
          .left_stride = as_u32(x.row_stride / 8),
          .row_words = as_u32(weights.row_words),
          .scale = work.scale,
          .activation_a = work.softcap > 0 ? work.softcap : work.activation.a,
          .activation_b = work.activation.b};
}

/// Everything but shader, groups and what is special to a family.
dispatch product(const linear_work& work, const placed_matrices& x, const packed_rows& weights) {
  const packed_format format = packed_format_of(weights.format);
  const bool caps = work.softcap > 0;
  // An operand that is not there is bound to something that is.
  return {
      .operands = {x.operand, weights.operand, work.bias.value_or(work.x), work.residual.value_or(work.x), work.target},
      .push_constants = push_bytes(parameters_of(work, x, weights)),
      .specialization = {static_cast<std::uint32_t>(weights.format), format.unit_elements, format.unit_words,
                         format.header_words, work.bias.has_value(), work.residual.has_value(),
                         caps ? softcap_kind : static_cast<std::uint32_t>(work.activation.kind), work.float_target}};
}

/// For software devices: subgroups own tiles.
void add_packed(lowering_context& context, const linear_work& work, placed_matrices x, packed_rows weights) {
  const auto kernel = std::find_if(std::begin(tile_kernels), std::end(tile_kernels) - 1,
                                   [&](const tile_kernel& k) { return work.rows <= k.rows; });
  const bool texels = weights.operand.texels && context.reads_texels(work.rows * x.row_stride);
  x.operand.texels = weights.operand.texels = texels;
  dispatch step = product(work, x, weights);
  step.shader = texels ? kernel->texel_name : kernel->name;
  const bool in_words = work.linear.columns % 8 == 0 && weights.first % 8 == 0 && weights.count % 8 == 0;
  step.specialization.push_back(in_words);
  step.specialization.push_back(static_cast<std::uint32_t>(work.gate));
  const std::int64_t tiles = divide_up(work.rows, kernel->rows) * divide_up(divide_up(weights.count, 8), tile_blocks);
  step.groups = groups_for(tiles, 1, context.traits());
  context.add(std::move(step));
}

/// For GPUs: workgroups own tiles, or share the terms of few rows.
void add_shared(lowering_context& context, const linear_work& work, const placed_matrices& x, packed_rows weights) {
  weights.operand.texels = false;
  dispatch step = product(work, x, weights);
  const std::int64_t rows = work.rows == 1 ? 1 : work.rows <= 4 ? 4 : 64;
  step.shader = rows == 1 ? "linear_chunks" : rows == 4 ? "linear_chunks_rows" : "linear_shared";
  const std::int64_t tiles = divide_up(work.rows, rows) * divide_up(weights.count, rows == 64 ? 64 : 8);
  step.groups = groups_for(tiles, 1, context.traits());
  context.add(std::move(step));
}

/// Software kernels find the gates and what they let through in one part, in whole blocks.
bool fits_tiles(const linear_work& work, const std::vector<packed_rows>& parts) {
  return parts.size() == 1 && work.linear.columns % 16 == 0;
}

bool owns_tiles(const device_traits& traits) {
  return traits.software && traits.subgroup_size == 8 && traits.subgroup_shuffle;
}

/// Slots one by one, with the rows of their experts. `first_column`: of the matrix, in the target.
void add_experts(lowering_context& context, const linear_work& work, placed_matrices x, packed_rows part,
                 const block_matrix& matrix, std::int64_t first_column) {
  const bool software = owns_tiles(context.traits());
  const bool texels =
      software && part.operand.texels && context.reads_texels(work.rows / work.experts->per_row * x.row_stride);
  x.operand.texels = part.operand.texels = texels;
  packed_rows columns = part;
  columns.first = first_column;
  columns.count = matrix.rows;
  dispatch step = product(work, x, columns);
  step.push_constants =
      push_bytes(expert_parameters{parameters_of(work, x, columns), as_u32(work.experts->per_row),
                                   as_u32(work.linear.experts), as_u32(part.first), as_u32(part.count)});
  step.operands.push_back(work.experts->ids);
  step.shader = !software ? "expert_chunks" : texels ? "expert_row_texel" : "expert_row";
  if (software) step.specialization.push_back(0);
  step.groups =
      groups_for(work.rows * divide_up(divide_up(matrix.rows, 8), software ? tile_blocks : 1), 1, context.traits());
  context.add(std::move(step));
}

}  // namespace

result<void> add_linear(lowering_context& context, const linear_work& work) {
  if (work.rows == 0) return {};
  const std::int64_t x_rows = work.experts ? work.rows / work.experts->per_row : work.rows;
  const gemm_work shape_of_x{.left = work.x, .rows = x_rows, .inner = work.linear.inner};
  placed_matrices x = left_of(shape_of_x);
  TROUPE_CHECK(align_left(context, shape_of_x, x));
  if (work.experts) {
    std::int64_t first_column = 0;
    for (const block_matrix& matrix : work.linear.matrices) {
      linear_shape all{.inner = work.linear.inner, .matrices = {matrix}};
      all.matrices[0].rows *= work.linear.experts;
      TROUPE_TRY(const auto parts, pack_weights(context, all));
      for (const packed_rows& part : parts) add_experts(context, work, x, part, matrix, first_column);
      first_column += matrix.rows;
    }
    return {};
  }
  TROUPE_TRY(const auto parts, pack_weights(context, work.linear));
  const bool software = owns_tiles(context.traits());
  linear_work product = work;
  const bool gates_apart = work.gate != activation_kind::none && !(software && fits_tiles(work, parts));
  if (gates_apart) {
    product.gate = activation_kind::none;
    product.target = {context.scratch(work.rows * work.linear.columns), true};
  }
  for (const packed_rows& part : parts)
    software ? add_packed(context, product, x, part) : add_shared(context, product, x, part);
  if (gates_apart)
    add_gated_activation(context, {product.target.slot}, work.target, work.rows, work.linear.columns / 2, work.gate);
  return {};
}

}  // namespace troupe
