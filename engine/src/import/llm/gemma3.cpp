// Gemma 3: as Gemma 2 with normalised queries and keys instead of capped logits; five layers with a window, which turn
// by a base of their own, and one without.
#include <cmath>

#include "import/llm/architectures.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {

result<void> build_gemma3(model_builder& to, const model_keys& keys, const language_model_options& options) {
  const auto& model = to.model();
  attention_settings whole{.head_norms = true, .post_norm = true, .rotary = common_angles(to)};
  // The largest model, of 62 layers, divides by the width of a head as if heads filled the row.
  const double scaled_by = static_cast<double>(model.layers == 62 ? model.width / model.heads : model.head_size);
  whole.scale = 1 / std::sqrt(scaled_by);
  attention_settings local = whole;
  local.rotary_name = "rotary.local";
  local.rotary.scaling = {};
  TROUPE_TRY(local.rotary.base, keys.number_or(".rope.freq_base_swa", 10000));
  if (!(local.rotary.base > 1) || !std::isfinite(local.rotary.base))
    return fail(errc::invalid_argument, "\"{}\" is {}", keys.name(".rope.freq_base_swa"), local.rotary.base);
  TROUPE_TRY(local.window, keys.integer_or(".attention.sliding_window", 0, 0, limits::language_context_max));
  TROUPE_TRY(const std::int64_t pattern,
             keys.integer_or(".attention.sliding_window_pattern", 6, 1, limits::language_layers_max));
  TROUPE_TRY(const double final_softcap, read_softcap(keys, ".final_logit_softcapping", 0));

  TROUPE_TRY(value_id x, add_embedding(to, std::sqrt(static_cast<double>(model.width))));
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    const bool is_local = local.window > 0 && layer % pattern < pattern - 1;
    TROUPE_TRY(x, add_attention(to, layer, x, is_local ? local : whole));
    TROUPE_TRY(x, add_feed_forward(to, layer, x, "gelu_tanh", true));
  }
  return add_head(to, x, options, final_softcap);
}

}  // namespace troupe::llm
