// Gemma 2: normalisation before and after each part, capped logits, every other layer with a window.
#include <cmath>

#include "import/llm/architectures.hpp"

namespace troupe::llm {

result<void> build_gemma2(model_builder& to, const model_keys& keys, const language_model_options& options) {
  const auto& model = to.model();
  attention_settings attention{.post_norm = true, .rotary = common_angles(to)};
  // The largest model, of 46 layers, divides by the width of a head as if heads filled the row.
  const double scaled_by = static_cast<double>(model.layers == 46 ? model.width / model.heads : model.head_size);
  attention.scale = 1 / std::sqrt(scaled_by);
  TROUPE_TRY(attention.softcap, read_softcap(keys, ".attn_logit_softcapping", 50));
  TROUPE_TRY(const double final_softcap, read_softcap(keys, ".final_logit_softcapping", 30));
  TROUPE_TRY(const std::int64_t window,
             keys.integer_or(".attention.sliding_window", 4096, 0, limits::language_context_max));

  TROUPE_TRY(value_id x, add_embedding(to, std::sqrt(static_cast<double>(model.width))));
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    attention.window = layer % 2 == 0 ? window : 0;
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_feed_forward(to, layer, x, "gelu_tanh", true));
  }
  return add_head(to, x, options, final_softcap);
}

}  // namespace troupe::llm
