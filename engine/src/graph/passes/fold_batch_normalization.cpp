#include <algorithm>
#include <cmath>
#include <optional>

#include "graph/value_namer.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

constexpr std::size_t nobody = static_cast<std::size_t>(-1);

/// The contents of a constant of at most 32 bits an element, as fp32.
std::optional<std::vector<float>> constant_floats(const graph& model, value_id id, const shape& dims) {
  const auto found = model.constants.find(id);
  if (found == model.constants.end() || found->second.dims() != dims ||
      (found->second.type() != dtype::f32 && found->second.type() != dtype::f16))
    return std::nullopt;
  const auto wide = convert(found->second, dtype::f32);
  if (!wide) return std::nullopt;
  const auto values = wide->as<float>();
  return std::vector<float>(values.begin(), values.end());
}

/// y = factor * x + offset, one of each for every channel.
struct channel_affine {
  std::vector<float> factor, offset;
};

std::optional<channel_affine> read_normalization(const graph& model, const node& step, std::int64_t channels) {
  if (step.inputs.size() != 5 || step.int_or("training_mode", 0) != 0 || step.int_or("spatial", 1) != 1)
    return std::nullopt;
  const auto scale = constant_floats(model, step.inputs[1], {channels});
  const auto bias = constant_floats(model, step.inputs[2], {channels});
  const auto mean = constant_floats(model, step.inputs[3], {channels});
  const auto variance = constant_floats(model, step.inputs[4], {channels});
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  const float epsilon = step.float_or("epsilon", 1e-5f);
  channel_affine affine;
  for (std::size_t c = 0; c < scale->size(); ++c) {
    const float factor = (*scale)[c] / std::sqrt((*variance)[c] + epsilon);
    if (!std::isfinite(factor)) return std::nullopt;
    affine.factor.push_back(factor);
    affine.offset.push_back((*bias)[c] - (*mean)[c] * factor);
  }
  return affine;
}

class normalization_folder {
public:
  explicit normalization_folder(graph& model)
      : model_(model), producer_(model.values.size(), nobody), readers_(model.values.size(), 0) {
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      for (const value_id id : model.nodes[i].inputs)
        if (id != no_value) ++readers_[id];
      for (const value_id id : model.nodes[i].outputs)
        if (id != no_value) producer_[id] = i;
    }
    for (const value_id id : model.outputs) ++readers_[id];
  }

  result<void> run() {
    std::vector<bool> folded(model_.nodes.size(), false);
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      const std::size_t conv = feeding_conv(model_.nodes[i]);
      if (conv == nobody) continue;
      TROUPE_TRY(folded[i], fold(model_.nodes[conv], model_.nodes[i]));
      if (folded[i]) producer_[model_.nodes[i].outputs[0]] = conv;
    }
    std::size_t index = 0;
    std::erase_if(model_.nodes, [&](const node&) { return folded[index++]; });
    return {};
  }

private:
  /// The Conv whose result only this BatchNormalization reads.
  std::size_t feeding_conv(const node& step) const {
    if (step.op != "BatchNormalization" || !step.domain.empty() || step.inputs.empty() || step.inputs[0] == no_value ||
        step.outputs.empty() || step.outputs[0] == no_value)
      return nobody;
    // Further outputs are statistics of training.
    for (std::size_t i = 1; i < step.outputs.size(); ++i)
      if (step.outputs[i] != no_value && readers_[step.outputs[i]] > 0) return nobody;
    const std::size_t conv = producer_[step.inputs[0]];
    const bool fits = conv != nobody && readers_[step.inputs[0]] == 1 && model_.nodes[conv].op == "Conv" &&
                      model_.nodes[conv].domain.empty() && model_.nodes[conv].inputs.size() >= 2 &&
                      model_.nodes[conv].outputs.size() == 1;
    return fits ? conv : nobody;
  }

  result<bool> fold(node& conv, const node& normalization) {
    const auto weight = model_.constants.find(conv.inputs[1]);
    if (weight == model_.constants.end() || weight->second.dims().rank() < 3) return false;
    const shape dims = weight->second.dims();
    const dtype type = weight->second.type();
    const std::int64_t channels = dims[0];
    auto weights = constant_floats(model_, conv.inputs[1], dims);
    const auto affine = read_normalization(model_, normalization, channels);
    if (!weights || !affine || channels == 0) return false;
    std::vector<float> biases(static_cast<std::size_t>(channels), 0.0f);
    if (conv.inputs.size() > 2 && conv.inputs[2] != no_value) {
      const auto held = constant_floats(model_, conv.inputs[2], {channels});
      if (!held) return false;
      biases = *held;
    }

    const std::size_t a_channel = weights->size() / biases.size();
    for (std::size_t i = 0; i < weights->size(); ++i) (*weights)[i] *= affine->factor[i / a_channel];
    for (std::size_t c = 0; c < biases.size(); ++c) biases[c] = biases[c] * affine->factor[c] + affine->offset[c];
    // New constants: the old ones may serve other nodes.
    TROUPE_TRY(const value_id new_weights, add_constant(conv.inputs[1], dims, type, *weights));
    TROUPE_TRY(const value_id new_biases, add_constant(normalization.inputs[2], {channels}, type, biases));
    conv.inputs.resize(3, no_value);
    conv.inputs[1] = new_weights;
    conv.inputs[2] = new_biases;
    conv.outputs[0] = normalization.outputs[0];
    return true;
  }

  result<value_id> add_constant(value_id named_after, const shape& dims, dtype type, const std::vector<float>& values) {
    TROUPE_TRY(const tensor wide, tensor::from<float>(dims, values));
    TROUPE_TRY(tensor stored, convert_to_storage(wide, type));
    const value_id id = model_.add_constant(namer_.fresh(model_, model_.values[named_after].name), std::move(stored));
    producer_.push_back(nobody);
    readers_.push_back(1);
    return id;
  }

  graph& model_;
  std::vector<std::size_t> producer_;
  std::vector<std::size_t> readers_;
  value_namer namer_;
};

}  // namespace

result<void> fold_batch_normalization(graph& model) {
  return normalization_folder(model).run();
}

}  // namespace troupe
