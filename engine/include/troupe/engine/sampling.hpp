// Choosing the next token from a language model's logits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/engine/vocabulary.hpp"

namespace troupe {

/// What is done to the logits, in this order: bias, penalties, top-k, top-p, min-p, temperature, draw. The defaults do
/// nothing and take the largest.
struct sampling_options {
  double temperature = 0;   ///< 0: the largest logit, the lower id of equal ones
  std::uint32_t top_k = 0;  ///< only so many of the largest; 0: all
  double top_p = 1;         ///< the fewest of the largest that together have this probability (Holtzman et al., 2020)
  double min_p = 0;         ///< only those at least this fraction as probable as the largest

  /// Of tokens among the last `penalty_window`: positive logits are divided by this and others multiplied (Keskar et
  /// al., "CTRL", 2019); 1 does nothing.
  double repetition_penalty = 1;
  double frequency_penalty = 0;  ///< subtracted for each time a token is there
  double presence_penalty = 0;   ///< subtracted once
  std::uint32_t penalty_window = 64;

  /// Added to the logits of these tokens; minus infinity forbids one.
  std::vector<std::pair<token_id, double>> bias;
  std::uint64_t seed = 0;

  /// Also say how probable the token was, and this many of the most probable ones. Costs an exponential for each token
  /// of the vocabulary.
  bool log_probabilities = false;
  std::uint32_t top_log_probabilities = 0;
};

struct token_probability {
  token_id token = -1;
  double log_probability = 0;  ///< natural, of softmax over the logits as the model gave them

  friend bool operator==(const token_probability&, const token_probability&) = default;
};

struct sampled_token {
  token_id token = -1;
  std::optional<double> log_probability;
  std::vector<token_probability> top;  ///< the most probable first, then the lower id
};

/// A pure function of the logits, the tokens before and the position: no state, so that a session that is built again
/// goes on with the same tokens. Random numbers come from Philox keyed by the seed with the position as its counter.
///
/// The same on every host, as far as the exponential of double precision is: two C libraries may differ in its last
/// bit, which changes the choice when a random number of 53 bits falls into that gap. Greedy choice uses none.
class sampler {
public:
  /// `invalid_argument` names an option that is out of its range.
  static result<sampler> make(sampling_options options);

  /// `logits` has one for each token; NaN and plus infinity are errors, minus infinity is a token that cannot be.
  /// `history` are the tokens so far, the prompt's included; `position` is the place of the token that is chosen.
  result<sampled_token> choose(std::span<const float> logits, std::span<const token_id> history,
                               std::uint64_t position) const;

  const sampling_options& options() const noexcept { return options_; }

private:
  explicit sampler(sampling_options options) : options_(std::move(options)) {}

  sampling_options options_;
};

}  // namespace troupe
