// SentencePiece's unigram model: of all ways to write a text in tokens, the one whose scores have the greatest sum
// (Kudo, "Subword regularization", 2018), after the text is normalised.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/text_normalizer.hpp"
#include "tokenizer/token_index.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

class unigram {
public:
  /// `words` outlives this. Needs an unknown token or a token for every byte.
  static result<unigram> make(const vocabulary& words);

  /// Appends the tokens of a text without special tokens. A code point that no token covers becomes its bytes where the
  /// vocabulary has bytes; else all such neighbours together become one unknown token.
  /// `invalid_argument` for a text that normalisation makes too long.
  result<void> encode(std::string_view text, std::vector<token_id>& to) const;

private:
  /// Keeps the work for one byte of text small whatever the vocabulary is; those of known models have up to 50.
  static constexpr std::size_t token_bytes_max = 256;

  const vocabulary* words_ = nullptr;
  text_normalizer normalizer_;
  token_index texts_;
  double unknown_score_ = 0;
  std::array<token_id, 256> bytes_{};
  bool has_bytes_ = false;
};

}  // namespace troupe
