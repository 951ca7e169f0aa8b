#include "device/lowering/fuse_linear.hpp"

#include <algorithm>

#include "kernels/activation.hpp"
#include "kernels/linear_shape.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {
namespace {

constexpr std::size_t nobody = static_cast<std::size_t>(-1);
constexpr std::size_t bias_at = 1;

class linear_fuser {
public:
  linear_fuser(specialized_graph& model, const std::function<bool(const node&)>& on_device)
      : model_(model),
        on_device_(on_device),
        nodes_(model.graph.nodes),
        producer_(model.graph.values.size(), nobody),
        readers_(model.graph.values.size(), 0),
        gone_(nodes_.size(), false) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const value_id id : nodes_[i].inputs)
        if (id != no_value) ++readers_[id];
      for (const value_id id : nodes_[i].outputs)
        if (id != no_value) producer_[id] = i;
    }
    for (const value_id id : model.graph.outputs) ++readers_[id];
  }

  void run() {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (!add_residual(i)) add_gate(i);
    std::size_t index = 0;
    std::erase_if(nodes_, [&](const node&) { return gone_[index++]; });
  }

private:
  /// The Linear that makes `id` for one reader and ends in nothing yet.
  std::size_t open_product(value_id id) const {
    if (id == no_value || producer_[id] == nobody || readers_[id] != 1) return nobody;
    const node& step = nodes_[producer_[id]];
    const bool open = step.domain == own_domain && step.op == "Linear" && step.inputs.size() > bias_at &&
                      step.outputs.size() == 1 && !step.has(fused::activation) && !step.has(fused_linear::gate) &&
                      !step.has(fused_linear::residual);
    return open && on_device_(step) ? producer_[id] : nobody;
  }

  node& replace(std::size_t i, std::size_t product) {
    const value_id made = nodes_[i].outputs[0];
    nodes_[i] = std::move(nodes_[product]);
    nodes_[i].outputs[0] = made;
    producer_[made] = i;
    gone_[product] = true;
    return nodes_[i];
  }

  bool add_residual(std::size_t i) {
    const node& sum = nodes_[i];
    const bool adds = sum.op == "Add" && (sum.domain.empty() || sum.domain == "ai.onnx") && sum.inputs.size() == 2 &&
                      sum.outputs.size() == 1 && sum.inputs[0] != sum.inputs[1];
    if (!adds || !on_device_(sum) || model_.dims[sum.inputs[0]] != model_.dims[sum.inputs[1]]) return false;
    const auto candidate = [&](value_id id) {
      const std::size_t product = open_product(id);
      return product != nobody && nodes_[product].inputs[bias_at] == no_value ? product : nobody;
    };
    const std::size_t left = candidate(sum.inputs[0]), right = candidate(sum.inputs[1]);
    if (left == nobody && right == nobody) return false;
    // The later one: what it waits for is there anyway when it starts.
    const bool take_right = left == nobody || (right != nobody && right > left);
    const value_id residual = sum.inputs[take_right ? 0 : 1];
    node& product = replace(i, take_right ? right : left);
    product.inputs[bias_at] = residual;
    product.attributes[std::string(fused_linear::residual)] = std::int64_t{1};
    return true;
  }

  void add_gate(std::size_t i) {
    const node& gate = nodes_[i];
    if (gate.domain != own_domain || gate.op != "GatedActivation" || gate.inputs.size() != 1 || !on_device_(gate))
      return;
    const std::size_t product = open_product(gate.inputs[0]);
    if (product == nobody) return;
    const std::string activation = gate.string_or("activation", "silu");
    replace(i, product).attributes[std::string(fused_linear::gate)] = activation;
  }

  specialized_graph& model_;
  const std::function<bool(const node&)>& on_device_;
  std::vector<node>& nodes_;
  std::vector<std::size_t> producer_, readers_;
  std::vector<bool> gone_;
};

}  // namespace

void fuse_linear(specialized_graph& model, const std::function<bool(const node&)>& on_device) {
  linear_fuser(model, on_device).run();
}

}  // namespace troupe
