// Qwen 3: queries and keys are normalised head by head; dense or with experts.
#include "import/llm/architectures.hpp"

namespace troupe::llm {

result<void> build_qwen3(model_builder& to, const model_keys&, const language_model_options& options) {
  const attention_settings attention{.head_norms = true, .rotary = common_angles(to)};
  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < to.model().layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_feed_forward(to, layer, x, "silu"));
  }
  return add_head(to, x, options);
}

result<void> build_qwen3moe(model_builder& to, const model_keys& keys, const language_model_options& options) {
  TROUPE_CHECK(expect_experts(to, keys));
  const attention_settings attention{.head_norms = true, .rotary = common_angles(to)};
  expert_settings experts;
  TROUPE_TRY(experts.feed_forward, keys.integer(".expert_feed_forward_length", 1, limits::language_width_max));
  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < to.model().layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_experts(to, layer, x, experts));
  }
  return add_head(to, x, options);
}

}  // namespace troupe::llm
