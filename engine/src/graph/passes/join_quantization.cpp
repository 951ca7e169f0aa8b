#include <map>

#include "kernels/quantize.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

class quantization_joiner {
public:
  explicit quantization_joiner(graph& model) : model_(model) {}

  void run() {
    std::map<value_id, std::size_t> makers;
    for (std::size_t i = 0; i < model_.nodes.size(); ++i)
      if (is(model_.nodes[i], "QuantizeLinear")) makers.emplace(model_.nodes[i].outputs[0], i);
    for (node& step : model_.nodes) {
      if (!is(step, "DequantizeLinear")) continue;
      const auto maker = makers.find(step.inputs[0]);
      if (maker != makers.end()) join(model_.nodes[maker->second], step);
    }
  }

private:
  static bool is(const node& step, std::string_view op) {
    return step.domain.empty() && step.op == op && step.inputs.size() >= 2 && step.inputs[0] != no_value &&
           step.outputs.size() == 1 && step.outputs[0] != no_value;
  }

  /// Operand i of `step` when it is a constant of one element, else nullptr.
  const tensor* single(const node& step, std::size_t i) const {
    if (i >= step.inputs.size() || step.inputs[i] == no_value) return nullptr;
    const auto found = model_.constants.find(step.inputs[i]);
    return found != model_.constants.end() && found->second.elements() == 1 ? &found->second : nullptr;
  }

  static bool is_omitted(const node& step, std::size_t i) {
    return i >= step.inputs.size() || step.inputs[i] == no_value;
  }

  static std::int64_t integer(const tensor& data) {
    const auto wide = convert(data, dtype::i64);
    return wide ? wide->as<std::int64_t>()[0] : 0;
  }

  void join(const node& quantize, node& dequantize) const {
    const tensor* const scale = single(quantize, 1);
    const tensor* const same_scale = single(dequantize, 1);
    if (!scale || !same_scale || !bitwise_equal(*scale, *same_scale) || !is_float(scale->type())) return;
    if (quantize.has("block_size") || dequantize.has("block_size") || dequantize.has("output_dtype")) return;
    const tensor* const zero = single(quantize, 2);
    const tensor* const same_zero = single(dequantize, 2);
    if ((!zero && !is_omitted(quantize, 2)) || (!same_zero && !is_omitted(dequantize, 2))) return;
    dtype type = dtype::u8;
    if (zero) {
      type = zero->type();
    } else if (quantize.has("output_dtype")) {
      return;
    }
    const std::int64_t offset = zero ? integer(*zero) : 0;
    if (!is_quantized(type) || offset != (same_zero ? integer(*same_zero) : 0)) return;
    // The result must have the type of the scale: only then is it the operand's.
    const value_info& operand = model_.values[quantize.inputs[0]];
    if (operand.type_known && operand.type != scale->type()) return;
    const auto wide = convert(*scale, dtype::f32);
    if (!wide || !(wide->as<float>()[0] > 0)) return;
    const std::int64_t lowest = quantized(-1e9, offset, type), highest = quantized(1e9, offset, type);
    node joined;
    joined.op = "FakeQuantizeLinear";
    joined.name = dequantize.name;
    joined.version = dequantize.version;
    joined.inputs = {quantize.inputs[0]};
    joined.outputs = dequantize.outputs;
    joined.attributes["scale"] = wide->as<float>()[0];
    joined.attributes["lowest"] = lowest - offset;
    joined.attributes["highest"] = highest - offset;
    dequantize = std::move(joined);
  }

  graph& model_;
};

}  // namespace

void join_quantization(graph& model) {
  quantization_joiner(model).run();
}

}  // namespace troupe
