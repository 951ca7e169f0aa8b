#include "kernels/cached_attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace troupe {
namespace {
namespace operand = cached_attention_operand;

class cached_attention_runner {
public:
  cached_attention_runner(reference_context& context, const cached_attention_plan& plan)
      : context_(context), plan_(plan) {}

  result<void> run() {
    TROUPE_TRY(qkv_, context_.input_floats(operand::qkv));
    TROUPE_TRY(positions_, context_.input_ints(operand::positions));
    TROUPE_TRY(sequences_, context_.input_ints(operand::sequences));
    TROUPE_TRY(pages_, context_.input_ints(operand::pages));
    TROUPE_CHECK(read_table());
    TROUPE_CHECK(normalise(operand::query_norm, 0, plan_.heads));
    TROUPE_CHECK(normalise(operand::key_norm, plan_.heads, plan_.kv_heads));
    keys_ = context_.state(operand::keys).as_mutable<float>();
    values_ = context_.state(operand::values).as_mutable<float>();
    for (std::int64_t row = 0; row < plan_.rows; ++row)
      if (positions_[at(row)] >= 0) store(row);
    std::vector<float> made(at(plan_.rows * plan_.heads * plan_.head_size), 0.0f);
    for (std::int64_t row = 0; row < plan_.rows; ++row)
      for (std::int64_t head = 0; head < plan_.heads && positions_[at(row)] >= 0; ++head) attend(row, head, made);
    return context_.set_output_floats(0, made);
  }

private:
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  float* head_of(std::int64_t row, std::int64_t head) {
    return qkv_.data() + at((row * (plan_.heads + 2 * plan_.kv_heads) + head) * plan_.head_size);
  }
  std::int64_t position_of(std::int64_t row) const { return std::min(positions_[at(row)], plan_.positions() - 1); }

  result<void> read_table() {
    if (plan_.rotary_size == 0) return {};
    const auto bytes = context_.input(operand::rotary_table).bytes();
    angles_.resize(bytes.size() / sizeof(float));
    std::memcpy(angles_.data(), bytes.data(), angles_.size() * sizeof(float));
    return {};
  }

  result<void> normalise(std::size_t weights, std::int64_t first_head, std::int64_t heads) {
    if (!context_.has_input(weights)) return {};
    TROUPE_TRY(const auto weight, context_.input_floats(weights));
    for (std::int64_t row = 0; row < plan_.rows; ++row)
      for (std::int64_t head = first_head; head < first_head + heads; ++head) {
        float* const x = head_of(row, head);
        double squares = 0;
        for (std::int64_t d = 0; d < plan_.head_size; ++d) squares += static_cast<double>(x[d]) * x[d];
        const double factor = 1 / std::sqrt(squares / static_cast<double>(plan_.head_size) + plan_.norm_epsilon);
        for (std::int64_t d = 0; d < plan_.head_size; ++d) x[d] = static_cast<float>(x[d] * factor * weight[at(d)]);
      }
    return {};
  }

  void turn(float* x, std::int64_t position) const {
    const std::int64_t pairs = plan_.rotary_size / 2;
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const float cosine = angles_[at((position * pairs + pair) * 2)],
                  sine = angles_[at((position * pairs + pair) * 2 + 1)];
      float& a = x[plan_.rotary_halves ? pair : 2 * pair];
      float& b = x[plan_.rotary_halves ? pair + pairs : 2 * pair + 1];
      const float turned = a * cosine - b * sine;
      b = a * sine + b * cosine;
      a = turned;
    }
  }

  /// Where a position's keys or values of one head begin, as a page of whole positions.
  std::int64_t slot_of(std::int64_t row, std::int64_t position, std::int64_t kv_head) const {
    const std::int64_t sequence = std::clamp<std::int64_t>(sequences_[at(row)], 0, plan_.sessions - 1);
    const std::int64_t listed = pages_[at(sequence * plan_.session_pages + position / cache_page_positions)];
    const std::int64_t page = std::clamp<std::int64_t>(listed, 0, plan_.page_count - 1);
    return (page * plan_.kv_heads + kv_head) * cache_page_positions * plan_.head_size;
  }
  std::int64_t key_index(std::int64_t base, std::int64_t position, std::int64_t d) const {
    return base + (d / 8 * cache_page_positions + position % cache_page_positions) * 8 + d % 8;
  }
  std::int64_t value_index(std::int64_t base, std::int64_t position, std::int64_t d) const {
    return base + position % cache_page_positions * plan_.head_size + d;
  }

  void store(std::int64_t row) {
    const std::int64_t position = position_of(row);
    for (std::int64_t head = 0; head < plan_.heads + plan_.kv_heads; ++head) turn(head_of(row, head), position);
    for (std::int64_t kv_head = 0; kv_head < plan_.kv_heads; ++kv_head) {
      const float* const key = head_of(row, plan_.heads + kv_head);
      const float* const value = head_of(row, plan_.heads + plan_.kv_heads + kv_head);
      const std::int64_t base = slot_of(row, position, kv_head);
      for (std::int64_t d = 0; d < plan_.head_size; ++d) {
        keys_[at(key_index(base, position, d))] = key[d];
        values_[at(value_index(base, position, d))] = value[d];
      }
    }
  }

  void attend(std::int64_t row, std::int64_t head, std::vector<float>& made) {
    const std::int64_t last = position_of(row);
    const std::int64_t first = plan_.window == 0 ? 0 : std::max<std::int64_t>(0, last - plan_.window + 1);
    const std::int64_t kv_head = head / (plan_.heads / plan_.kv_heads);
    const float* const query = head_of(row, head);
    std::vector<double> weights;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t position = first; position <= last; ++position) {
      const std::int64_t base = slot_of(row, position, kv_head);
      double score = 0;
      for (std::int64_t d = 0; d < plan_.head_size; ++d)
        score += static_cast<double>(query[d]) * keys_[at(key_index(base, position, d))];
      score *= plan_.scale;
      if (plan_.softcap != 0) score = plan_.softcap * std::tanh(score / plan_.softcap);
      weights.push_back(score);
      largest = std::max(largest, score);
    }
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    std::vector<double> joined(at(plan_.head_size), 0.0);
    for (std::int64_t position = first; position <= last; ++position) {
      const std::int64_t base = slot_of(row, position, kv_head);
      for (std::int64_t d = 0; d < plan_.head_size; ++d)
        joined[at(d)] += weights[at(position - first)] * values_[at(value_index(base, position, d))];
    }
    for (std::int64_t d = 0; d < plan_.head_size; ++d)
      made[at((row * plan_.heads + head) * plan_.head_size + d)] = static_cast<float>(joined[at(d)] / sum);
  }

  reference_context& context_;
  const cached_attention_plan& plan_;
  std::vector<float> qkv_, angles_;
  std::vector<std::int64_t> positions_, sequences_, pages_;
  std::span<float> keys_, values_;
};

}  // namespace

/// Softmax and sums in double precision.
result<void> cached_attention_reference(reference_context& context) {
  TROUPE_TRY(const auto plan, read_cached_attention(node_view(context)));
  return cached_attention_runner(context, plan).run();
}

}  // namespace troupe
