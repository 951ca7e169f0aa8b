// Qwen 1.5, 2 and 2.5: as Llama, with biases for queries, keys and values (taken wherever a file has them).
#include "import/llm/architectures.hpp"

namespace troupe::llm {

result<void> build_qwen2(model_builder& to, const model_keys&, const language_model_options& options) {
  const attention_settings attention{.rotary = common_angles(to)};
  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < to.model().layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_feed_forward(to, layer, x, "silu"));
  }
  return add_head(to, x, options);
}

}  // namespace troupe::llm
