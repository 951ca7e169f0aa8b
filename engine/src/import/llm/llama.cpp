// Llama 1 to 3 and what is built like it (Mistral with its window, Mixtral with its experts).
#include "import/llm/architectures.hpp"

namespace troupe::llm {

result<void> build_llama(model_builder& to, const model_keys& keys, const language_model_options& options) {
  // The files' rotary pairs are neighbours.
  attention_settings attention{.halves = false, .rotary = common_angles(to)};
  TROUPE_TRY(attention.window, keys.integer_or(".attention.sliding_window", 0, 0, limits::language_context_max));
  TROUPE_TRY(attention.scale, keys.number_or(".attention.scale", 0));
  // Llama 3.1 and later: how much slower than usual each pair turns.
  if (to.has("rope_freqs.weight")) {
    TROUPE_TRY(attention.rotary.factors, to.read_vector("rope_freqs.weight", attention.rotary.size / 2));
  }
  expert_settings experts{.feed_forward = to.model().feed_forward};
  TROUPE_TRY(experts.scale, keys.number_or(".expert_weights_scale", 1));

  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < to.model().layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, to.model().experts > 0 ? add_experts(to, layer, x, experts) : add_feed_forward(to, layer, x, "silu"));
  }
  return add_head(to, x, options);
}

}  // namespace troupe::llm
