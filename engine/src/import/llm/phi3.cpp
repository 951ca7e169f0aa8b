// Phi 3 and 4: as Llama with queries, keys and values in one matrix, gate and up in another (the blocks take either),
// and two sets of rotary factors: for short contexts and for long ones. The window that some files name is not used:
// the files have it for models that were trained without (so does the reference, llama.cpp).
#include "import/llm/architectures.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {

result<void> build_phi3(model_builder& to, const model_keys&, const language_model_options& options) {
  attention_settings attention{.rotary = common_angles(to)};
  const bool is_long = to.context() > to.given().scaling.original_context;
  const std::string factors = is_long ? "rope_factors_long.weight" : "rope_factors_short.weight";
  if (to.has(factors)) {
    TROUPE_TRY(attention.rotary.factors, to.read_vector(factors, attention.rotary.size / 2));
  }
  TROUPE_TRY(value_id x, add_embedding(to));
  for (std::int64_t layer = 0; layer < to.model().layers; ++layer) {
    TROUPE_TRY(x, add_attention(to, layer, x, attention));
    TROUPE_TRY(x, add_feed_forward(to, layer, x, "silu"));
  }
  return add_head(to, x, options);
}

}  // namespace troupe::llm
