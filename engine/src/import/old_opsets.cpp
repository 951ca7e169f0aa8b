// https://github.com/onnx/onnx/blob/main/docs/Changelog.md
#include "import/old_opsets.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "graph/value_namer.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr int modern = 7;
constexpr std::array<std::string_view, 11> broadcasting{"Add", "Sub", "Mul",  "Div",   "Pow",    "And",
                                                        "Or",  "Xor", "Less", "Equal", "Greater"};

class modernizer {
public:
  explicit modernizer(graph& model) : model_(model) {}

  result<void> run() {
    const std::size_t count = model_.nodes.size();
    for (std::size_t i = 0; i < count; ++i)
      if (model_.nodes[i].domain.empty() && model_.nodes[i].version < modern) TROUPE_CHECK(rewrite(i));
    return {};
  }

private:
  result<void> rewrite(std::size_t index) {
    node& step = model_.nodes[index];
    const auto is = [&](std::string_view op) { return step.op == op; };
    if (std::find(broadcasting.begin(), broadcasting.end(), step.op) != broadcasting.end()) return align(index);
    if (is("PRelu")) return align_slope(step);
    if (is("Reshape")) return take_shape(step);
    // Training was the default; only a model exported for inference means what its successor means.
    if (is("BatchNormalization") || is("Dropout")) {
      if (step.int_or("is_test", 0) != 0) finish(step, {"is_test", "consumed_inputs"});
    } else if (is("Gemm")) {
      finish(step, {"broadcast"});
    } else if (is("Concat")) {
      step.attributes.try_emplace("axis", std::int64_t{1});
      finish(step, {});
    }
    return {};
  }

  static void finish(node& step, std::initializer_list<std::string_view> obsolete) {
    for (const std::string_view key : obsolete)
      if (const auto found = step.attributes.find(key); found != step.attributes.end()) step.attributes.erase(found);
    step.version = modern;
  }

  std::optional<std::int64_t> rank_of(value_id id) const {
    if (id == no_value || !model_.values[id].dims) return std::nullopt;
    return static_cast<std::int64_t>(model_.values[id].dims->size());
  }

  /// The second operand's axes lie at `axis` of the first one's: axes of extent 1 behind them say the same today.
  result<void> align(std::size_t index) {
    node& step = model_.nodes[index];
    if (step.inputs.size() != 2) return {};
    if (step.int_or("broadcast", 0) != 0 && step.has("axis")) {
      const auto rank = rank_of(step.inputs[0]), other = rank_of(step.inputs[1]);
      if (!rank || !other) return {};
      const std::int64_t axis = step.int_or("axis", 0) + (step.int_or("axis", 0) < 0 ? *rank : 0);
      const std::int64_t behind = *rank - axis - *other;
      if (axis < 0 || behind < 0)
        return fail(errc::invalid_argument, "{} aligns operands of rank {} and {} at axis {}, which is not possible",
                    step.describe(), *rank, *other, step.int_or("axis", 0));
      if (behind > 0) {
        TROUPE_TRY(const value_id longer, append_axes(step.inputs[1], static_cast<std::size_t>(behind)));
        model_.nodes[index].inputs[1] = longer;
      }
    }
    finish(model_.nodes[index], {"broadcast", "axis", "consumed_inputs"});
    return {};
  }

  /// One slope for each channel, or one for all; channels are axis 1.
  result<void> align_slope(node& step) {
    if (step.inputs.size() != 2) return {};
    const auto rank = rank_of(step.inputs[0]), slope = rank_of(step.inputs[1]);
    if (!rank || !slope || *slope != 1) return {};
    if (*rank > 2) {
      const auto data = model_.constants.find(step.inputs[1]);
      if (data == model_.constants.end()) return {};
      if (data->second.elements() > 1) {
        TROUPE_TRY(step.inputs[1], append_axes(step.inputs[1], static_cast<std::size_t>(*rank - 2)));
      }
    }
    finish(step, {"consumed_inputs"});
    return {};
  }

  /// The shape was an attribute.
  result<void> take_shape(node& step) {
    const auto* extents = step.ints("shape");
    if (step.version >= 5 || !extents || step.inputs.size() != 1) return {};
    TROUPE_TRY(tensor data, tensor::from<std::int64_t>({static_cast<std::int64_t>(extents->size())}, *extents));
    step.inputs.push_back(model_.add_constant(namer_.fresh(model_, step.name + ".shape"), std::move(data)));
    finish(step, {"shape", "consumed_inputs"});
    return {};
  }

  /// The same contents with `count` more axes of extent 1.
  result<value_id> append_axes(value_id id, std::size_t count) {
    const std::string name = namer_.fresh(model_, model_.values[id].name);
    if (const auto data = model_.constants.find(id); data != model_.constants.end()) {
      std::vector<std::int64_t> extents(data->second.dims().begin(), data->second.dims().end());
      extents.resize(extents.size() + count, 1);
      TROUPE_TRY(const shape dims, shape::make(extents));
      TROUPE_TRY(tensor longer, data->second.reshaped(dims));
      return model_.add_constant(name, std::move(longer));
    }
    std::vector<std::int64_t> axes(count);
    for (std::size_t i = 0; i < count; ++i) axes[i] = *rank_of(id) + static_cast<std::int64_t>(i);
    const value_id longer = model_.add_value({name, dtype::f32, false, std::nullopt});
    node step;
    step.op = "Unsqueeze";
    step.name = name;
    step.version = modern;
    step.inputs = {id};
    step.outputs = {longer};
    step.attributes.emplace("axes", std::move(axes));
    model_.nodes.push_back(std::move(step));
    return longer;
  }

  graph& model_;
  value_namer namer_;
};

}  // namespace

result<void> modernize(graph& model) {
  return modernizer(model).run();
}

}  // namespace troupe
