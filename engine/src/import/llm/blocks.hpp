// The pieces that layers of language models are made of.
#pragma once

#include "import/llm/model_builder.hpp"

namespace troupe::llm {

/// What differs between the attention of one layer and another.
struct attention_settings {
  double scale = 0;  ///< of the products of queries and keys; 0: one over the root of the head's size
  double softcap = 0;
  std::int64_t window = 0;  ///< positions back, with the row's own; 0: all
  bool halves = true;       ///< rotary pairs are (i, i + size / 2) and not neighbours
  bool head_norms = false;  ///< queries and keys are normalised head by head
  bool post_norm = false;   ///< what is added to the row is normalised first
  std::string rotary_name = "rotary";
  rotary_angles rotary;
};

/// Rotary angles as the metadata has them.
rotary_angles common_angles(const model_builder& to);

/// x plus the attention of its normalised rows. In the last layer only the rows whose results are wanted go on.
result<value_id> add_attention(model_builder& to, std::int64_t layer, value_id x, const attention_settings& settings);

/// x plus the gated feed-forward part ("silu", "gelu_tanh") of its normalised rows.
result<value_id> add_feed_forward(model_builder& to, std::int64_t layer, value_id x, const std::string& activation,
                                  bool post_norm = false);

/// How a layer chooses among experts.
struct expert_settings {
  bool normalize = true;          ///< weights of the chosen experts sum to 1
  std::int64_t feed_forward = 0;  ///< elements inside an expert
  std::int64_t shared = 0;        ///< elements inside the shared expert; 0: there is none
};

/// x plus what the experts of each of its normalised rows make, and the shared one if there is any.
result<value_id> add_experts(model_builder& to, std::int64_t layer, value_id x, const expert_settings& settings);

/// Rows of the embedding that `tokens` choose, times `scale`.
result<value_id> add_embedding(model_builder& to, double scale = 1);

/// The last normalisation, and the outputs that were asked for. `softcap` 0: none.
result<void> add_head(model_builder& to, value_id x, const language_model_options& options, double softcap = 0);

/// What caps scores or logits; 0: nothing does.
result<double> read_softcap(const model_keys& keys, std::string_view key, double fallback);

/// `invalid_argument` for a file that names no experts.
result<void> expect_experts(const model_builder& to, const model_keys& keys);

}  // namespace troupe::llm
