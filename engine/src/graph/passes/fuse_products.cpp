#include <algorithm>
#include <limits>
#include <optional>

#include "device/example_inputs.hpp"
#include "kernels/activation.hpp"
#include "kernels/unary.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

constexpr std::size_t nobody = static_cast<std::size_t>(-1);

bool is_op(const node& step, std::string_view op) {
  return step.op == op && (step.domain.empty() || step.domain == "ai.onnx");
}

/// A bound of Clip: operand `i` if it is a constant of one element, `fallback` if it is left out.
std::optional<float> constant_or(const graph& model, const node& step, std::size_t i, float fallback) {
  if (i >= step.inputs.size() || step.inputs[i] == no_value) return fallback;
  const auto found = model.constants.find(step.inputs[i]);
  if (found == model.constants.end() || found->second.dims().elements() != 1 || !is_float(found->second.type()))
    return std::nullopt;
  const auto wide = convert(found->second, dtype::f32);
  return wide ? std::optional<float>(wide->as<float>()[0]) : std::nullopt;
}

/// The activation that a node of one operand is.
std::optional<activation> as_activation(const graph& model, const node& step) {
  if (is_op(step, "Relu")) return activation{activation_kind::relu};
  if (is_op(step, "LeakyRelu")) return activation{activation_kind::leaky_relu, step.float_or("alpha", 0.01f)};
  if (is_op(step, "Sigmoid")) return activation{activation_kind::sigmoid};
  if (is_op(step, "Tanh")) return activation{activation_kind::tanh};
  if (is_op(step, "HardSwish")) return activation{activation_kind::hard_swish, 1.0f / 6, 0.5f};
  if (is_op(step, "HardSigmoid"))
    return activation{activation_kind::hard_sigmoid, step.float_or("alpha", 0.2f), step.float_or("beta", 0.5f)};
  if (is_op(step, "Gelu")) {
    const std::string approximation = step.string_or("approximate", "none");
    if (approximation == "none") return activation{activation_kind::gelu};
    if (approximation == "tanh") return activation{activation_kind::gelu_tanh};
  }
  if (is_op(step, "Clip")) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto least = constant_or(model, step, 1, step.float_or("min", -infinity));
    const auto most = constant_or(model, step, 2, step.float_or("max", infinity));
    if (least && most) return activation{activation_kind::clip, *least, *most};
  }
  return std::nullopt;
}

/// The types and shapes of all values for one choice of the extents that the model leaves open.
struct known_values {
  std::vector<shape> dims;
  std::vector<dtype> types;
};

std::optional<known_values> values_with(const graph& model, const operator_table& operators, std::int64_t unknown) {
  const auto example = make_example_inputs(model, unknown);
  if (!example || !host_inputs(model, operators).empty()) return std::nullopt;
  auto known = specialize(model, operators, example->tensors);
  if (!known) return std::nullopt;
  known_values made{std::move(known->dims), {}};
  for (const value_info& value : known->graph.values) made.types.push_back(value.type);
  return made;
}

class product_fuser {
public:
  product_fuser(graph& model, const operator_table& operators)
      : model_(model),
        producer_(model.values.size(), nobody),
        readers_(model.values.size(), 0),
        gone_(model.nodes.size(), false) {
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      for (const value_id id : model.nodes[i].inputs)
        if (id != no_value) ++readers_[id];
      for (const value_id id : model.nodes[i].outputs)
        if (id != no_value) producer_[id] = i;
    }
    for (const value_id id : model.outputs) ++readers_[id];
    // Two choices tell extents that are always equal from those that happen to be.
    first_ = values_with(model, operators, 2);
    second_ = values_with(model, operators, 3);
  }

  void run() {
    for (std::size_t i = 0; i < model_.nodes.size(); ++i)
      if (!add_bias(i) && !add_residual(i) && !add_gate(i)) add_activation(i);
    std::size_t index = 0;
    std::erase_if(model_.nodes, [&](const node&) { return gone_[index++]; });
  }

private:
  /// The convolution or matrix product that makes `id` for as many readers and ends in nothing yet.
  std::size_t open_product(value_id id, std::size_t readers = 1) const {
    const std::size_t product = id == no_value ? nobody : producer_[id];
    const bool fits = product != nobody && readers_[id] == readers && is_product(model_.nodes[product]) &&
                      model_.nodes[product].outputs.size() == 1 && !model_.nodes[product].has(fused::activation);
    return fits ? product : nobody;
  }

  /// Node `i` becomes the product `product`, which now makes what node `i` made.
  node& replace(std::size_t i, std::size_t product) {
    const value_id made = model_.nodes[i].outputs[0];
    model_.nodes[i] = std::move(model_.nodes[product]);
    model_.nodes[i].outputs[0] = made;
    producer_[made] = i;
    gone_[product] = true;
    return model_.nodes[i];
  }

  bool same_shape(value_id a, value_id b) const {
    return first_ && second_ && first_->dims[a] == first_->dims[b] && second_->dims[a] == second_->dims[b];
  }

  /// MatMul multiplies integers, too; those end in nothing else.
  bool is_product(const node& step) const {
    if (is_op(step, "Conv") || is_op(step, "Gemm")) return true;
    return is_op(step, "MatMul") && (has_fused_operands(step) || (first_ && is_float(first_->types[step.outputs[0]])));
  }

  /// The constant that an Add gives to every row of a MatMul by a constant matrix.
  bool add_bias(std::size_t i) {
    const node& sum = model_.nodes[i];
    if (!is_op(sum, "Add") || sum.inputs.size() != 2 || sum.outputs.size() != 1) return false;
    for (const std::size_t side : {0, 1}) {
      const value_id value = sum.inputs[side];
      const std::size_t product = value == no_value ? nobody : producer_[value];
      if (product == nobody || readers_[value] != 1 || !is_op(model_.nodes[product], "MatMul") ||
          model_.nodes[product].inputs.size() != 2 || model_.nodes[product].has(fused::activation))
        continue;
      const auto bias = model_.constants.find(sum.inputs[1 - side]);
      const auto matrix = model_.constants.find(model_.nodes[product].inputs[1]);
      if (bias == model_.constants.end() || matrix == model_.constants.end() || !is_float(bias->second.type()) ||
          matrix->second.dims().rank() != 2 || bias->second.dims() != shape{matrix->second.dims()[1]})
        continue;
      const value_id operand = sum.inputs[1 - side];
      node& fused_node = replace(i, product);
      fused_node.inputs.push_back(operand);
      fused_node.attributes[std::string(fused::operands)] = std::int64_t{1};
      return true;
    }
    return false;
  }

  bool add_residual(std::size_t i) {
    const node& sum = model_.nodes[i];
    if (!(is_op(sum, "Add") || is_op(sum, "Sum")) || sum.inputs.size() != 2 || sum.outputs.size() != 1) return false;
    // The later product: what it waits for anyway is there when it starts.
    const auto candidate = [&](value_id id) {
      const std::size_t product = open_product(id);
      return product != nobody && model_.nodes[product].inputs.size() <= fused::residual_operand ? product : nobody;
    };
    const std::size_t left = candidate(sum.inputs[0]), right = candidate(sum.inputs[1]);
    const bool take_right = right != nobody && (left == nobody || right > left);
    const std::size_t product = take_right ? right : left;
    if (product == nobody || sum.inputs[0] == sum.inputs[1] || !same_shape(sum.inputs[0], sum.inputs[1])) return false;
    const value_id residual = sum.inputs[take_right ? 0 : 1];
    node& fused_node = replace(i, product);
    fused_node.inputs.resize(fused::residual_operand + 1, no_value);
    fused_node.inputs[fused::residual_operand] = residual;
    fused_node.attributes[std::string(fused::operands)] = std::int64_t{1};
    return true;
  }

  /// x * sigmoid(x) and x * hard_sigmoid(x), as exporters write Swish and HardSwish.
  bool add_gate(std::size_t i) {
    const node& gated_node = model_.nodes[i];
    if (!is_op(gated_node, "Mul") || gated_node.inputs.size() != 2 || gated_node.outputs.size() != 1) return false;
    for (const std::size_t side : {0, 1}) {
      const value_id value = gated_node.inputs[side], gate_value = gated_node.inputs[1 - side];
      const std::size_t product = open_product(value, 2);
      const std::size_t gate = gate_value == no_value ? nobody : producer_[gate_value];
      if (product == nobody || gate == nobody || gone_[gate] || readers_[gate_value] != 1 ||
          model_.nodes[gate].inputs.empty() || model_.nodes[gate].inputs[0] != value)
        continue;
      const auto kind = as_activation(model_, model_.nodes[gate]);
      if (!kind) continue;
      activation gated;
      if (kind->kind == activation_kind::sigmoid) gated = {activation_kind::swish, 1};
      if (kind->kind == activation_kind::hard_sigmoid) gated = {activation_kind::hard_swish, kind->a, kind->b};
      if (gated.kind == activation_kind::none) continue;
      gone_[gate] = true;
      set_activation(replace(i, product), gated);
      return true;
    }
    return false;
  }

  void add_activation(std::size_t i) {
    const node& step = model_.nodes[i];
    if (step.inputs.empty() || step.outputs.size() != 1) return;
    const std::size_t product = open_product(step.inputs[0]);
    if (product == nobody) return;
    const auto kind = as_activation(model_, step);
    if (kind) set_activation(replace(i, product), *kind);
  }

  graph& model_;
  std::vector<std::size_t> producer_, readers_;
  std::vector<bool> gone_;
  std::optional<known_values> first_, second_;
};

}  // namespace

void fuse_products(graph& model, const operator_table& operators) {
  product_fuser(model, operators).run();
}

}  // namespace troupe
