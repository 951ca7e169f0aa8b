// Qwen 1.5 and 2 with experts, one of which every row has.
#include "import/llm/architectures.hpp"

namespace troupe::llm {

result<void> build_qwen2moe(model_builder& to, const model_keys& keys, const language_model_options& options) {
  const auto& model = to.model();
  TROUPE_CHECK(expect_experts(to, keys));
  const attention_settings attention{.rotary = common_angles(to)};
  expert_settings experts{.normalize = false};
  TROUPE_TRY(experts.feed_forward, keys.integer_or(".expert_feed_forward_length",
                                                   model.feed_forward / std::max<std::int64_t>(model.experts_used, 1),
                                                   1, limits::language_width_max));
  TROUPE_TRY(experts.shared,
             keys.integer_or(".expert_shared_feed_forward_length", model.feed_forward, 1, limits::language_width_max));
  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_experts(to, layer, x, experts));
  }
  return add_head(to, x, options);
}

}  // namespace troupe::llm
