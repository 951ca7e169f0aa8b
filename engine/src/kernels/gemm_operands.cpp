#include "kernels/gemm_operands.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct align_parameters {
  std::uint32_t matrices, rows, columns, row_stride, stride, target_rows, target_eights;
};

struct pack_parameters {
  std::uint32_t matrices, inner, columns, first_column, term_stride, column_stride, matrix_stride;
};

/// As pack_matrix.glsl counts them.
enum class pack_form : std::uint32_t { single = 0, terms = 1, columns = 2 };

error too_many(const lowering_context& context, std::int64_t elements) {
  return fail(errc::unsupported,
              "an operand of {} has {} elements when its rows are aligned; a device computes with fewer than {}",
              context.step().describe(), elements, std::int64_t{1} << 31);
}

/// Elements of one matrix of an operand as it lies.
std::int64_t matrix_elements(const placed_matrices& operand, std::int64_t lines, std::int64_t line_length) {
  return operand.row_stride * (operand.transposed ? line_length : lines);
}

std::vector<std::int64_t> rescaled(std::vector<std::int64_t> strides, std::int64_t from, std::int64_t to) {
  for (std::int64_t& stride : strides) stride = stride / from * to;
  return strides;
}

const tensor* constant_of(const lowering_context& context, const dispatch_operand& operand) {
  for (std::size_t i = 0; i < context.input_count(); ++i)
    if (context.has_input(i) && context.read(i).slot == operand.slot) return context.input_value(i);
  return nullptr;
}

/// True when weight_codes.glsl has a code for every element. A little below 128, which rounding to binary16 may reach.
bool has_codes(const tensor& weights) {
  constexpr float limit = 127;
  bool fits = true;  // without an early end, which would keep the loops from being vectors
  if (weights.type() == dtype::f16) {
    const std::uint16_t limit_bits = to_float16(limit).bits;
    for (const float16 element : weights.as<float16>()) fits &= (element.bits & 0x7fff) < limit_bits;
    return fits;
  }
  if (weights.type() != dtype::f32) return false;
  for (const float element : weights.as<float>()) fits &= element > -limit && element < limit;
  return fits;
}

}  // namespace

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

placed_matrices left_of(const gemm_work& work) {
  const std::int64_t length = work.left_transposed ? work.rows : work.inner;
  return {work.left, work.left_transposed, work.aligned ? round_up_to_eight(length) : length, work.left_strides};
}

placed_matrices right_of(const gemm_work& work) {
  const std::int64_t length = work.right_transposed ? work.inner : work.columns;
  return {work.right, work.right_transposed, work.aligned ? round_up_to_eight(length) : length, work.right_strides};
}

std::int64_t distinct_matrices(const gemm_work& work, const placed_matrices& operand) {
  std::int64_t matrices = 1;
  for (std::size_t axis = 0; axis < work.batch.size(); ++axis)
    if (operand.batch_strides[axis] != 0) matrices *= work.batch[axis];
  return matrices;
}

result<void> align_left(lowering_context& context, const gemm_work& work, placed_matrices& left) {
  if (!left.transposed && left.row_stride % 8 == 0 && (work.aligned || work.inner % 8 == 0)) return {};
  const std::int64_t matrices = distinct_matrices(work, left);
  const std::int64_t length = round_up_to_eight(work.inner);
  const std::int64_t elements = matrices * work.rows * length;
  if (elements >= std::int64_t{1} << 31) return too_many(context, elements);
  const std::uint32_t copy = context.scratch(elements);
  context.add(
      {.shader = "align_matrix",
       .operands = {left.operand, {copy, true}},
       .push_constants = push_bytes(align_parameters{
           as_u32(matrices), as_u32(work.rows), as_u32(work.inner), as_u32(left.transposed ? 1 : left.row_stride),
           as_u32(left.transposed ? left.row_stride : 1), as_u32(work.rows), as_u32(length / 8)}),
       .groups = groups_for(elements / 8, 64, context.traits())});
  left.batch_strides =
      rescaled(std::move(left.batch_strides), matrix_elements(left, work.rows, work.inner), work.rows * length);
  left.operand = {copy};
  left.transposed = false;
  left.row_stride = length;
  return {};
}

result<std::vector<packed_columns>> pack_right(lowering_context& context, const gemm_work& work,
                                               const placed_matrices& right) {
  const std::int64_t matrices = distinct_matrices(work, right);
  const std::int64_t source_matrix = matrix_elements(right, work.inner, work.columns);
  const std::int64_t column_length = round_up_to_eight(work.inner);
  const auto element_bytes = static_cast<std::int64_t>(size_of(context.storage()));
  const auto binding_elements = static_cast<std::int64_t>(context.traits().storage_range_max) / element_bytes;

  // The source may begin at a part only where that is a multiple of part_alignment.
  const std::int64_t fitting = binding_elements / (matrices * column_length) / part_alignment * part_alignment;
  const bool fits = matrices * round_up_to_eight(work.columns) * column_length <= binding_elements;
  const std::int64_t group = fits ? work.columns : std::max(fitting, part_alignment);

  const bool eights_of_terms = right.transposed && right.row_stride % 8 == 0;
  const bool eights_of_columns = !right.transposed && right.row_stride % 8 == 0;
  const pack_form form = eights_of_terms     ? pack_form::terms
                         : eights_of_columns ? pack_form::columns
                                             : pack_form::single;
  const tensor* weights = constant_of(context, right.operand);
  const bool coded = context.storage() == dtype::f16 && weights && has_codes(*weights);
  std::vector<packed_columns> made;
  for (std::int64_t first = 0; first < work.columns; first += group) {
    packed_columns part{.first = first, .count = std::min(group, work.columns - first), .coded = coded};
    dispatch_operand source = right.operand;
    std::int64_t source_elements = matrices * source_matrix;
    const bool in_parts = !fits && right.transposed && matrices == 1;
    if (in_parts) {
      source.part_begin = first * right.row_stride;
      source.part_elements = source_elements = part.count * right.row_stride;
    }
    const bool too_long = source_elements > binding_elements;
    source.texels = context.reads_texels(source_elements) ||
                    (too_long && static_cast<std::uint64_t>(source_elements * element_bytes) / 16 <
                                     context.traits().texel_elements_max);
    const std::int64_t matrix = round_up_to_eight(part.count) * column_length;
    if (matrices * matrix >= std::int64_t{1} << 31) return too_many(context, matrices * matrix);
    const std::uint32_t packed = context.scratch(matrices * matrix);
    context.add({.shader = source.texels ? "pack_matrix_texel" : "pack_matrix",
                 .operands = {source, {packed, true}},
                 .push_constants = push_bytes(
                     pack_parameters{as_u32(matrices), as_u32(work.inner), as_u32(part.count),
                                     as_u32(in_parts ? 0 : first), as_u32(right.transposed ? 1 : right.row_stride),
                                     as_u32(right.transposed ? right.row_stride : 1), as_u32(source_matrix)}),
                 .specialization = {static_cast<std::uint32_t>(form), coded},
                 .groups = groups_for(matrices * matrix / 64, 64, context.traits())});
    part.operand = {packed};
    part.operand.texels = context.reads_texels(matrices * matrix);
    part.batch_strides = rescaled(right.batch_strides, source_matrix, matrix);
    made.push_back(std::move(part));
  }
  return made;
}

bool is_constant(const lowering_context& context, const dispatch_operand& operand) {
  return constant_of(context, operand) != nullptr;
}

}  // namespace troupe
