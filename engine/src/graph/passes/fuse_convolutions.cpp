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
  if (is_op(step, "Clip")) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto least = constant_or(model, step, 1, step.float_or("min", -infinity));
    const auto most = constant_or(model, step, 2, step.float_or("max", infinity));
    if (least && most) return activation{activation_kind::clip, *least, *most};
  }
  return std::nullopt;
}

/// The shapes of all values for one choice of the extents that the model leaves open.
std::optional<std::vector<shape>> shapes_with(const graph& model, const operator_table& operators,
                                              std::int64_t unknown) {
  const auto example = make_example_inputs(model, unknown);
  if (!example || !host_inputs(model, operators).empty()) return std::nullopt;
  auto known = specialize(model, operators, example->tensors);
  if (!known) return std::nullopt;
  return std::move(known->dims);
}

class convolution_fuser {
public:
  convolution_fuser(graph& model, const operator_table& operators)
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
    first_dims_ = shapes_with(model, operators, 2);
    second_dims_ = shapes_with(model, operators, 3);
  }

  void run() {
    for (std::size_t i = 0; i < model_.nodes.size(); ++i)
      if (!add_residual(i) && !add_gate(i)) add_activation(i);
    std::size_t index = 0;
    std::erase_if(model_.nodes, [&](const node&) { return gone_[index++]; });
  }

private:
  /// The convolution that makes `id` for at most `readers` readers and ends in nothing yet.
  std::size_t open_conv(value_id id, std::size_t readers = 1) const {
    const std::size_t conv = id == no_value ? nobody : producer_[id];
    const bool fits = conv != nobody && readers_[id] == readers && is_op(model_.nodes[conv], "Conv") &&
                      model_.nodes[conv].outputs.size() == 1 && !model_.nodes[conv].has(fused::activation);
    return fits ? conv : nobody;
  }

  /// Node `i` becomes convolution `conv`, which now makes what node `i` made.
  node& replace(std::size_t i, std::size_t conv) {
    const value_id made = model_.nodes[i].outputs[0];
    model_.nodes[i] = std::move(model_.nodes[conv]);
    model_.nodes[i].outputs[0] = made;
    producer_[made] = i;
    gone_[conv] = true;
    return model_.nodes[i];
  }

  bool same_shape(value_id a, value_id b) const {
    return first_dims_ && second_dims_ && (*first_dims_)[a] == (*first_dims_)[b] &&
           (*second_dims_)[a] == (*second_dims_)[b];
  }

  bool add_residual(std::size_t i) {
    const node& sum = model_.nodes[i];
    if (!(is_op(sum, "Add") || is_op(sum, "Sum")) || sum.inputs.size() != 2 || sum.outputs.size() != 1) return false;
    // The later convolution: what it waits for anyway is there when it starts.
    const auto candidate = [&](value_id id) {
      const std::size_t conv = open_conv(id);
      return conv != nobody && model_.nodes[conv].inputs.size() <= fused::residual_operand ? conv : nobody;
    };
    const std::size_t left = candidate(sum.inputs[0]), right = candidate(sum.inputs[1]);
    const bool take_right = right != nobody && (left == nobody || right > left);
    const std::size_t conv = take_right ? right : left;
    if (conv == nobody || sum.inputs[0] == sum.inputs[1] || !same_shape(sum.inputs[0], sum.inputs[1])) return false;
    const value_id residual = sum.inputs[take_right ? 0 : 1];
    node& fused_node = replace(i, conv);
    fused_node.inputs.resize(fused::residual_operand + 1, no_value);
    fused_node.inputs[fused::residual_operand] = residual;
    fused_node.attributes[std::string(fused::operands)] = std::int64_t{1};
    return true;
  }

  /// x * sigmoid(x) and x * hard_sigmoid(x), as exporters write Swish and HardSwish.
  bool add_gate(std::size_t i) {
    const node& product = model_.nodes[i];
    if (!is_op(product, "Mul") || product.inputs.size() != 2 || product.outputs.size() != 1) return false;
    for (const std::size_t side : {0, 1}) {
      const value_id value = product.inputs[side], gate_value = product.inputs[1 - side];
      const std::size_t conv = open_conv(value, 2);
      const std::size_t gate = gate_value == no_value ? nobody : producer_[gate_value];
      if (conv == nobody || gate == nobody || gone_[gate] || readers_[gate_value] != 1 ||
          model_.nodes[gate].inputs.empty() || model_.nodes[gate].inputs[0] != value)
        continue;
      const auto kind = as_activation(model_, model_.nodes[gate]);
      if (!kind) continue;
      activation gated;
      if (kind->kind == activation_kind::sigmoid) gated = {activation_kind::swish, 1};
      if (kind->kind == activation_kind::hard_sigmoid) gated = {activation_kind::hard_swish, kind->a, kind->b};
      if (gated.kind == activation_kind::none) continue;
      gone_[gate] = true;
      set_activation(replace(i, conv), gated);
      return true;
    }
    return false;
  }

  void add_activation(std::size_t i) {
    const node& step = model_.nodes[i];
    if (step.inputs.empty() || step.outputs.size() != 1) return;
    const std::size_t conv = open_conv(step.inputs[0]);
    if (conv == nobody) return;
    const auto kind = as_activation(model_, step);
    if (kind) set_activation(replace(i, conv), *kind);
  }

  graph& model_;
  std::vector<std::size_t> producer_, readers_;
  std::vector<bool> gone_;
  std::optional<std::vector<shape>> first_dims_, second_dims_;
};

}  // namespace

void fuse_convolutions(graph& model, const operator_table& operators) {
  convolution_fuser(model, operators).run();
}

}  // namespace troupe
