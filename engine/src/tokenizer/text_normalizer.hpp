// What SentencePiece does to a text before it looks for tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/token_index.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

class text_normalizer {
public:
  text_normalizer() = default;

  /// `words` outlives this. `invalid_argument` when the vocabulary's map of characters is damaged.
  static result<text_normalizer> make(const vocabulary& words);

  /// Characters replaced as the map says, spaces escaped, joined and put in front as the vocabulary says.
  std::string normalized(std::string_view text) const;

private:
  struct step {
    std::string_view text;     ///< that stands for what was read
    std::size_t consumed = 0;  ///< bytes that were read, at least 1
  };

  step next(std::string_view text) const;

  bool prefix_ = false, joins_ = false;
  token_index kept_;  ///< user-defined tokens are not changed
  /// A trie as an array (darts-clone by Yata, as SentencePiece uses it): of each unit, bit 31 marks a value, bit 8 that
  /// one follows, bits 0 to 7 are the label, the rest is the offset of the children, scaled by 256 if bit 9 is set.
  std::vector<std::uint32_t> units_;
  std::string_view replacements_;  ///< each ends with a zero
};

}  // namespace troupe
