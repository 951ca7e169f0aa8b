// SentencePiece's byte-pair model: neighbours join while what they make is a token, the best score first (Kudo and
// Richardson, "SentencePiece", 2018).
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "tokenizer/token_index.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

class sentence_piece {
public:
  /// `words` outlives this. Control, unknown and byte tokens are never made by joining: their letters are text.
  static result<sentence_piece> make(const vocabulary& words);

  /// Appends the tokens of a text whose spaces are escaped already. Code points without a token become bytes; bytes
  /// without one become the unknown token.
  void encode(std::string_view text, std::vector<token_id>& to) const;

private:
  const vocabulary* words_ = nullptr;
  token_index texts_;
  std::array<token_id, 256> bytes_{};
};

}  // namespace troupe
