#include "graph/arithmetic.hpp"

#include <algorithm>

#include "kernels/linear_shape.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {
namespace {

/// Products with weights in block formats say how long their rows are.
std::uint64_t block_products(const node& step, const std::vector<shape>& dims) {
  const bool multiplies = step.op == "Linear" || step.op == "Logits" || step.op == "ExpertLinear";
  if (!multiplies || step.outputs.empty() || step.outputs[0] == no_value) return 0;
  const std::uint64_t halves = step.has(fused_linear::gate) ? 2 : 1;
  return halves * static_cast<std::uint64_t>(dims[step.outputs[0]].elements()) *
         static_cast<std::uint64_t>(std::max<std::int64_t>(step.int_or("columns", 0), 0));
}

}  // namespace

std::uint64_t multiply_adds(const node& step, const std::vector<shape>& dims) {
  if (step.domain == own_domain) return block_products(step, dims);
  if (step.inputs.size() < 2 || step.inputs[0] == no_value || step.inputs[1] == no_value || step.outputs.empty() ||
      step.outputs[0] == no_value)
    return 0;
  const shape& x = dims[step.inputs[0]];
  const shape& w = dims[step.inputs[1]];
  const auto made = static_cast<std::uint64_t>(dims[step.outputs[0]].elements());
  const auto per_output = [&](std::int64_t count) { return made * static_cast<std::uint64_t>(count); };
  if (step.op == "MatMul" && x.rank() > 0) return per_output(x[x.rank() - 1]);
  if (step.op == "Gemm" && x.rank() == 2) return per_output(x[step.int_or("transA", 0) != 0 ? 0 : 1]);
  if (step.op == "Conv" && w.rank() > 1) return per_output(w.elements(1, w.rank()));
  if (step.op == "ConvTranspose" && w.rank() > 1)
    return static_cast<std::uint64_t>(x.elements()) * static_cast<std::uint64_t>(w.elements(1, w.rank()));
  if ((step.op == "LSTM" || step.op == "GRU" || step.op == "RNN") && x.rank() == 3)
    return static_cast<std::uint64_t>(x[0] * x[1]) * 2 * static_cast<std::uint64_t>(w.elements());
  return 0;
}

std::uint64_t operations_of(const node& step, const std::vector<shape>& dims) {
  if (const std::uint64_t products = multiply_adds(step, dims); products > 0) return 2 * products;
  std::uint64_t elements = 0;
  for (const value_id id : step.outputs)
    if (id != no_value) elements += static_cast<std::uint64_t>(dims[id].elements());
  return elements;
}

}  // namespace troupe
