#include "kernels/row_normalization.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Of the 65,535 rounds that Mesa 22.3 lets an invocation's loops run; the rest is for the tree that joins sums.
constexpr std::int64_t rounds_max = 60000;

struct parameters {
  std::uint32_t rows, length;
  float epsilon;
  std::uint32_t scale_row, scale_inner, scale_count, offset_row, offset_inner, offset_count;
};

/// Numbered as in normalize_rows.glsl.
std::uint32_t form_of(const std::optional<row_pattern>& pattern, std::int64_t length, bool wide) {
  if (!pattern) return 0;
  if (!wide) return 1;
  if (pattern->inner == 1 && pattern->count == length && pattern->row % length == 0) return 4;
  if (pattern->inner == 1 && pattern->row % 8 == 0 && pattern->count % 8 == 0) return 3;
  return pattern->inner % 8 == 0 ? 2 : 1;
}

}  // namespace

bool is_subgroup_row(const device_traits& traits, std::int64_t length, bool wide, std::int64_t passes) {
  return traits.software && traits.subgroup_size == 8 && length <= row_length_max(wide, passes) / 8;
}

std::int64_t row_length_max(bool wide, std::int64_t passes) {
  return rounds_max / passes * 64 * (wide ? 8 : 1);
}

result<void> add_row_normalization(lowering_context& context, const row_normalization& work) {
  if (work.rows == 0 || work.length == 0) return {};
  constexpr std::int64_t passes = 3;
  const bool wide = work.length % 8 == 0;
  if (work.length > row_length_max(wide, passes))
    return fail(errc::unsupported, "{} normalises {} elements together; at most {} are supported on a device",
                context.step().describe(), work.length, row_length_max(wide, passes));
  const row_pattern nothing{work.source};
  row_pattern scale = work.scale.value_or(nothing);
  row_pattern offset = work.offset.value_or(nothing);
  const bool subgroup = is_subgroup_row(context.traits(), work.length, wide, passes);
  const std::uint32_t scale_form = form_of(work.scale, work.length, wide);
  const std::uint32_t offset_form = form_of(work.offset, work.length, wide);
  const auto in_words = [](std::uint32_t form) { return form == 0 || form >= 3; };
  const bool texels = subgroup && wide && in_words(scale_form) && in_words(offset_form) &&
                      context.reads_texels(std::max({work.rows * work.length, scale.count, offset.count}));
  dispatch_operand source = work.source;
  source.texels = scale.operand.texels = offset.operand.texels = texels;
  context.add({.shader = texels     ? "normalize_rows_texel"
                         : subgroup ? "normalize_rows_subgroup"
                                    : "normalize_rows",
               .operands = {source, scale.operand, offset.operand, work.target, work.means.value_or(work.target),
                            work.factors.value_or(work.target)},
               .push_constants = push_bytes(parameters{as_u32(work.rows), as_u32(work.length), work.epsilon,
                                                       as_u32(scale.row), as_u32(scale.inner), as_u32(scale.count),
                                                       as_u32(offset.row), as_u32(offset.inner), as_u32(offset.count)}),
               .specialization = {work.centered, wide, scale_form, offset_form, work.means.has_value(),
                                  work.factors.has_value()},
               .groups = groups_for(work.rows, subgroup ? 8 : 1, context.traits())});
  return {};
}

}  // namespace troupe
