// MeanVarianceNormalization: written out as the nodes that ONNX defines it by, in the order that keeps digits.
// https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
#include "graph/expansion.hpp"
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// ONNX has 1e-9, which fp16 cannot store; it only keeps a constant channel from being divided by zero.
constexpr float least_deviation = 1e-7f;

result<void> expand(expansion& to, const node& step) {
  if (step.inputs.size() != 1 || !has_operand(step, 0) || step.outputs.size() != 1 || step.outputs[0] == no_value)
    return fail(errc::invalid_argument, "{} needs one operand and one result", step.describe());
  const auto axes = step.ints_or("axes", {0, 2, 3});
  const value_id x = step.inputs[0], y = step.outputs[0];
  TROUPE_TRY(const value_id mean, add_node_like(to, "ReduceMean", {x}, y, {{"axes", axes}}));
  TROUPE_TRY(const value_id centred, add_node_like(to, "Sub", {x, mean}, y));
  TROUPE_TRY(const value_id squares, add_node_like(to, "Mul", {centred, centred}, y));
  TROUPE_TRY(const value_id variance, add_node_like(to, "ReduceMean", {squares}, y, {{"axes", axes}}));
  TROUPE_TRY(const value_id deviation, add_node_like(to, "Sqrt", {variance}, y));
  TROUPE_TRY(const auto given, to.tensor_at(x));
  TROUPE_TRY(const tensor small, tensor::from<float>({}, {&least_deviation, 1}));
  TROUPE_TRY(tensor typed, convert(small, given.type));
  TROUPE_TRY(const value_id divisor,
             add_node_like(to, "Add", {deviation, to.add_constant("least", std::move(typed))}, y));
  return add_node(to, "Div", {centred, divisor}, y);
}

}  // namespace

operator_definition mean_variance_normalization_operator() {
  return {.name = "MeanVarianceNormalization", .since_version = 9, .expand = expand};
}

}  // namespace troupe
