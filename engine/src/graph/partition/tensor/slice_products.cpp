// Products with constant weights: by columns, by rows, by output channels.
#include <algorithm>

#include "graph/partition/tensor/slice_rules.hpp"
#include "kernels/activation.hpp"

namespace troupe::slice_rules {
namespace {

/// Kernels work on eight columns or channels at a time, so a cut between them would make some compute for nothing.
constexpr std::int64_t preferred_unit = 8;
/// Nodes that are followed from a product to where its columns fall into heads.
constexpr int look_ahead_max = 8;

/// Columns that must stay together: a later node makes an axis of its own of each such group (the heads of attention).
std::int64_t columns_together(const slice_builder& to, value_id id, std::size_t axis) {
  for (int depth = 0; depth < look_ahead_max; ++depth) {
    value_id next = no_value;
    for (const std::size_t reader : to.facts().readers(id)) {
      const node& step = to.model().nodes[reader];
      if (step.outputs.size() != 1 || step.outputs[0] == no_value) continue;
      if (is_onnx(step, "Reshape") && step.inputs[0] == id) {
        const auto moved = to.facts().reshaped(id, step.outputs[0], axis);
        if (moved && moved->divisor > 1) return moved->divisor;
      } else if (is_elementwise(step) && to.facts().rank(id) == to.facts().rank(step.outputs[0])) {
        next = step.outputs[0];
      }
    }
    if (next == no_value) return 1;
    id = next;
  }
  return 1;
}

/// Bounds in units of `together` if there are enough of them, in eights if there are plenty.
std::optional<std::vector<std::int64_t>> divide_columns(const slice_builder& to, std::int64_t extent,
                                                        std::int64_t together) {
  if (together > 1)
    if (auto bounds = to.divide(extent, together)) return bounds;
  const bool plenty = extent >= preferred_unit * 2 * static_cast<std::int64_t>(to.slices());
  if (plenty && extent % preferred_unit == 0) return to.divide(extent, preferred_unit);
  return to.divide(extent, 1);
}

/// A matrix product with a constant right operand.
struct dense_product {
  bool gemm = false;
  const tensor* weights = nullptr;
  std::size_t inner_axis = 0, column_axis = 1;  ///< of the weights
  std::size_t rank = 2;                         ///< of the left operand and of the result
};

std::optional<dense_product> read_dense(const slice_builder& to, const node& step) {
  dense_product made;
  made.gemm = is_onnx(step, "Gemm");
  if (!made.gemm && !is_onnx(step, "MatMul")) return std::nullopt;
  if (step.inputs.size() < 2 || step.outputs.size() != 1 || step.int_or("transA", 0) != 0) return std::nullopt;
  made.weights = to.constant(step.inputs[1]);
  if (!made.weights || made.weights->dims().rank() != 2) return std::nullopt;
  if (made.gemm && step.int_or("transB", 0) != 0) std::swap(made.inner_axis, made.column_axis);
  const auto rank = made.gemm ? std::optional<std::size_t>(2) : to.facts().rank(step.inputs[0]);
  if (!rank || *rank < 2) return std::nullopt;
  made.rank = *rank;
  return made;
}

/// The operand behind the weights: a bias for each column, a number for all, or (Gemm) a matrix.
value_id bias_piece(slice_builder& to, value_id bias, const std::vector<std::int64_t>& bounds) {
  const auto rank = to.facts().rank(bias);
  if (!rank || *rank == 0) return to.whole(bias);
  const auto extent = to.facts().extent(bias, *rank - 1);
  return extent == bounds.back() ? to.piece(bias, {*rank - 1, bounds}) : to.whole(bias);
}

bool by_columns(slice_builder& to, const node& step, const dense_product& product) {
  const std::int64_t columns = product.weights->dims()[product.column_axis];
  const std::size_t axis = product.rank - 1;
  const auto bounds = divide_columns(to, columns, columns_together(to, step.outputs[0], axis));
  const bool has_bias = step.inputs.size() > fused::bias_operand && step.inputs[fused::bias_operand] != no_value;
  if (!bounds || (has_bias && !to.facts().rank(step.inputs[fused::bias_operand]))) return false;
  node mine = step;
  mine.inputs[0] = to.whole(step.inputs[0]);
  mine.inputs[1] = to.piece(step.inputs[1], {product.column_axis, *bounds});
  if (has_bias) mine.inputs[fused::bias_operand] = bias_piece(to, step.inputs[fused::bias_operand], *bounds);
  for (std::size_t i = fused::residual_operand; i < mine.inputs.size(); ++i)
    mine.inputs[i] = to.piece(step.inputs[i], {axis, *bounds});
  to.add(std::move(mine), {axis_cut{axis, *bounds}});
  return true;
}

bool by_rows(slice_builder& to, const node& step, const dense_product& product, const axis_cut& cut) {
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], cut);
  mine.inputs[1] = to.piece(step.inputs[1], {product.inner_axis, cut.bounds});
  // All slices exchange what one of them needs, so that their exchanges stay the same.
  for (std::size_t i = 2; i < mine.inputs.size(); ++i) mine.inputs[i] = to.whole(step.inputs[i]);
  if (to.slice() != 0) mine.inputs.resize(2);
  if (product.gemm) mine.version = std::max(mine.version, 11);  // before, the bias may not be left out
  to.add_summand(std::move(mine));
  return true;
}

}  // namespace

bool dense(slice_builder& to, const node& step) {
  const auto product = read_dense(to, step);
  if (!product) return false;
  const axis_cut* cut = to.cut_of(step.inputs[0]);
  if (!cut) return by_columns(to, step, *product);
  if (cut->axis + 1 == product->rank)
    return step.has(fused::activation) ? by_columns(to, step, *product) : by_rows(to, step, *product, *cut);
  if (product->gemm) return false;
  // A batch axis: the rows of a product do not know of each other.
  const axis_cut batch = *cut;
  node mine = step;
  mine.inputs[0] = to.piece(step.inputs[0], batch);
  for (std::size_t i = 1; i < mine.inputs.size(); ++i)
    mine.inputs[i] = i < fused::residual_operand ? to.whole(step.inputs[i]) : to.piece(step.inputs[i], batch);
  to.add(std::move(mine), {batch});
  return true;
}

bool convolution(slice_builder& to, const node& step) {
  if (!is_onnx(step, "Conv") || step.inputs.size() < 2 || step.outputs.size() != 1) return false;
  const tensor* weights = to.constant(step.inputs[1]);
  const std::int64_t groups = step.int_or("group", 1);
  if (!weights || weights->dims().rank() < 3 || groups < 1 || weights->dims()[0] % groups != 0) return false;
  const std::int64_t group_inputs = weights->dims()[1], group_outputs = weights->dims()[0] / groups;
  node mine = step;
  std::optional<axis_cut> made;
  if (groups == 1) {
    const auto bounds = divide_columns(to, group_outputs, 1);
    if (!bounds) return false;
    made = axis_cut{1, *bounds};
    mine.inputs[0] = to.whole(step.inputs[0]);
  } else {
    const axis_cut* present = to.cut_of(step.inputs[0]);
    auto cut = present && present->axis == 1 ? present->scaled(1, 1, group_inputs) : std::nullopt;
    if (!cut) {
      const auto bounds = divide_columns(to, groups, 1);
      if (!bounds) return false;
      cut = axis_cut{1, *bounds};
    }
    mine.attributes["group"] = cut->extent(to.slice());
    mine.inputs[0] = to.piece(step.inputs[0], *cut->scaled(1, group_inputs));
    made = cut->scaled(1, group_outputs);
  }
  for (std::size_t i = 1; i < mine.inputs.size(); ++i)
    mine.inputs[i] =
        i < fused::residual_operand ? to.piece(step.inputs[i], {0, made->bounds}) : to.piece(step.inputs[i], *made);
  to.add(std::move(mine), {made});
  return true;
}

bool transposed_convolution(slice_builder& to, const node& step) {
  if (!is_onnx(step, "ConvTranspose") || step.inputs.size() < 2 || step.outputs.size() != 1) return false;
  const tensor* weights = to.constant(step.inputs[1]);
  if (!weights || weights->dims().rank() < 3 || step.int_or("group", 1) != 1) return false;
  const auto bounds = divide_columns(to, weights->dims()[1], 1);
  if (!bounds) return false;
  node mine = step;
  mine.inputs[0] = to.whole(step.inputs[0]);
  mine.inputs[1] = to.piece(step.inputs[1], {1, *bounds});
  for (std::size_t i = 2; i < mine.inputs.size(); ++i) mine.inputs[i] = to.piece(step.inputs[i], {0, *bounds});
  to.add(std::move(mine), {axis_cut{1, *bounds}});
  return true;
}

}  // namespace troupe::slice_rules
