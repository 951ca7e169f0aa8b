#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

/// The mask as what is added to scores.
result<std::vector<float>> read_mask(const reference_context& context) {
  if (!context.has_input(3)) return std::vector<float>();
  TROUPE_TRY(auto values, context.input_floats(3));
  if (context.input(3).type() == dtype::boolean)
    for (float& value : values) value = value != 0 ? 0.0f : static_cast<float>(hidden);
  return values;
}

/// Past heads and new ones as [batch, heads, keys, size].
result<std::vector<float>> join(const reference_context& context, const attention_plan& plan, std::size_t operand,
                                const head_layout& layout, std::int64_t size) {
  TROUPE_TRY(const auto added, context.input_floats(operand));
  std::vector<float> past;
  if (context.has_input(operand + 3)) {
    TROUPE_TRY(past, context.input_floats(operand + 3));
  }
  std::vector<float> made;
  for (std::int64_t image = 0; image < plan.batch; ++image)
    for (std::int64_t head = 0; head < plan.kv_heads; ++head)
      for (std::int64_t key = 0; key < plan.keys; ++key)
        for (std::int64_t d = 0; d < size; ++d) {
          const std::int64_t old = ((image * plan.kv_heads + head) * plan.past + key) * size + d;
          const std::int64_t fresh =
              image * layout.image + head * layout.head + (key - plan.past) * layout.position + d;
          made.push_back(key < plan.past ? past[static_cast<std::size_t>(old)]
                                         : added[static_cast<std::size_t>(fresh)]);
        }
  return made;
}

class attention_runner {
public:
  attention_runner(reference_context& context, const attention_plan& plan) : context_(context), plan_(plan) {}

  result<void> run() {
    TROUPE_TRY(query_, context_.input_floats(0));
    TROUPE_TRY(key_, join(context_, plan_, 1, plan_.key, plan_.head_size));
    TROUPE_TRY(value_, join(context_, plan_, 2, plan_.value, plan_.value_size));
    TROUPE_TRY(mask_, read_mask(context_));
    lengths_.assign(static_cast<std::size_t>(plan_.batch), plan_.keys);
    if (context_.has_input(6)) {
      TROUPE_TRY(lengths_, context_.input_ints(6));
    }
    target_.resize(static_cast<std::size_t>(plan_.target_dims.elements()));
    for (std::int64_t image = 0; image < plan_.batch; ++image)
      for (std::int64_t head = 0; head < plan_.heads; ++head)
        for (std::int64_t row = 0; row < plan_.queries; ++row) attend(image, head, row);
    if (context_.wants_output(1)) TROUPE_CHECK(context_.set_output_floats(1, key_));
    if (context_.wants_output(2)) TROUPE_CHECK(context_.set_output_floats(2, value_));
    if (context_.wants_output(3)) TROUPE_CHECK(context_.set_output_floats(3, scores_));
    return context_.set_output_floats(0, target_);
  }

private:
  double product(std::int64_t image, std::int64_t head, std::int64_t row, std::int64_t key) const {
    const std::int64_t q = image * plan_.query.image + head * plan_.query.head + row * plan_.query.position;
    const std::int64_t kv_head = head / (plan_.heads / plan_.kv_heads);
    const std::int64_t k = ((image * plan_.kv_heads + kv_head) * plan_.keys + key) * plan_.head_size;
    double sum = 0;
    for (std::int64_t d = 0; d < plan_.head_size; ++d)
      sum += static_cast<double>(query_[static_cast<std::size_t>(q + d)]) * key_[static_cast<std::size_t>(k + d)];
    return sum * plan_.scale;
  }

  double masked(double score, std::int64_t image, std::int64_t head, std::int64_t row, std::int64_t key) const {
    if (plan_.causal && key > plan_.past + row) return hidden;
    if (key >= lengths_[static_cast<std::size_t>(image)]) return hidden;
    if (mask_.empty()) return score;
    if (key >= plan_.mask_keys) return hidden;
    const auto& strides = plan_.mask_strides;
    return score + mask_[static_cast<std::size_t>(image * strides[0] + head * strides[1] + row * strides[2] +
                                                  key * strides[3])];
  }

  void attend(std::int64_t image, std::int64_t head, std::int64_t row) {
    std::vector<double> raw, seen, capped;
    for (std::int64_t key = 0; key < plan_.keys; ++key) {
      raw.push_back(product(image, head, row, key));
      seen.push_back(masked(raw.back(), image, head, row, key));
      const bool caps = plan_.softcap > 0 && seen.back() != hidden;
      capped.push_back(caps ? plan_.softcap * std::tanh(seen.back() / plan_.softcap) : seen.back());
    }
    std::vector<double> weights(capped.size());
    const double largest = capped.empty() ? hidden : *std::max_element(capped.begin(), capped.end());
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      sum += weights[i] = capped[i] == hidden ? 0 : std::exp(capped[i] - largest);
    for (double& weight : weights) weight = sum > 0 ? weight / sum : 0;
    for (std::int64_t d = 0; d < plan_.value_size; ++d) {
      double made = 0;
      const std::int64_t kv_head = head / (plan_.heads / plan_.kv_heads);
      for (std::size_t i = 0; i < weights.size(); ++i)
        made +=
            weights[i] *
            value_[static_cast<std::size_t>(
                ((image * plan_.kv_heads + kv_head) * plan_.keys + static_cast<std::int64_t>(i)) * plan_.value_size +
                d)];
      target_[static_cast<std::size_t>(image * plan_.target.image + head * plan_.target.head +
                                       row * plan_.target.position + d)] = static_cast<float>(made);
    }
    const std::vector<double>* given[] = {&raw, &seen, &capped, &weights};
    for (const double score : *given[plan_.scores_mode]) scores_.push_back(static_cast<float>(score));
  }

  reference_context& context_;
  const attention_plan& plan_;
  std::vector<float> query_, key_, value_, mask_, target_, scores_;
  std::vector<std::int64_t> lengths_;
};

}  // namespace

result<void> attention_reference(reference_context& context) {
  TROUPE_TRY(const attention_plan plan, read_attention(node_view(context)));
  return attention_runner(context, plan).run();
}

}  // namespace troupe
