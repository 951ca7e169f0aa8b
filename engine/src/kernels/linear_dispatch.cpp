#include "kernels/linear_dispatch.hpp"

#include <algorithm>

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

/// A kernel of one tile size: the texel form has the same name with a suffix.
struct tile_kernel {
  std::string_view name, texel_name;
  std::int64_t rows, blocks, subgroups;
};
constexpr tile_kernel tile_kernels[] = {
    {"linear_row", "linear_row_texel", 1, 8, 1},
    {"linear_rows", "linear_rows_texel", 4, 8, 2},
    {"linear_tile", "linear_tile_texel", 16, 4, 4},
};

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

/// Everything but shader, groups and what is special to a family.
dispatch product(const linear_work& work, const placed_matrices& x, const packed_rows& weights) {
  const packed_format format = packed_format_of(weights.format);
  const bool caps = work.softcap > 0;
  const linear_parameters parameters{.rows = as_u32(work.rows),
                                     .inner = as_u32(work.linear.inner),
                                     .columns = as_u32(work.linear.columns),
                                     .first_column = as_u32(weights.first),
                                     .own_columns = as_u32(weights.count),
                                     .left_stride = as_u32(x.row_stride / 8),
                                     .row_words = as_u32(weights.row_words),
                                     .scale = work.scale,
                                     .activation_a = caps ? work.softcap : work.activation.a,
                                     .activation_b = work.activation.b};
  // An operand that is not there is bound to something that is.
  return {
      .operands = {x.operand, weights.operand, work.bias.value_or(work.x), work.residual.value_or(work.x), work.target},
      .push_constants = push_bytes(parameters),
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
  step.specialization.push_back(kernel->rows > 1 && in_words && !work.float_target);
  const std::int64_t tiles =
      divide_up(work.rows, kernel->rows) * divide_up(divide_up(weights.count, 8), kernel->blocks);
  step.groups = groups_for(tiles, static_cast<std::uint32_t>(kernel->subgroups), context.traits());
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

}  // namespace

result<void> add_linear(lowering_context& context, const linear_work& work) {
  if (work.rows == 0) return {};
  gemm_work shape_of_x{.left = work.x, .rows = work.rows, .inner = work.linear.inner};
  placed_matrices x = left_of(shape_of_x);
  TROUPE_CHECK(align_left(context, shape_of_x, x));
  TROUPE_TRY(const auto parts, pack_weights(context, work.linear));
  const device_traits& traits = context.traits();
  const bool owns_tiles = traits.software && traits.subgroup_size == 8 && traits.subgroup_shuffle;
  for (const packed_rows& part : parts)
    owns_tiles ? add_packed(context, work, x, part) : add_shared(context, work, x, part);
  return {};
}

}  // namespace troupe
