// Byte-pair encoding by ranked merges, over bytes: Sennrich, Haddow and Birch, "Neural machine translation of rare
// words with subword units", 2016; over bytes as in GPT-2.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/token_index.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

class byte_pair {
public:
  /// `pieces` has the bytes of every token and outlives this; `texts` has what the file writes for them.
  static result<byte_pair> make(const vocabulary& words, const token_index& texts, std::span<const std::string> pieces,
                                const pre_tokenizer& cutting);

  /// Appends the tokens of a text without special tokens. Bytes without a token become `unknown`; an error without one.
  result<void> encode(std::string_view text, std::optional<token_id> unknown, std::vector<token_id>& to) const;

private:
  struct merge {
    std::uint64_t pair = 0;  ///< left id, right id
    std::uint32_t rank = 0;
    token_id made = -1;
  };
  struct symbol {
    std::int32_t previous = -1, next = -1;
    token_id id = -1;  ///< -1 for a byte without a token
    bool gone = false;
  };
  struct candidate;

  const merge* find(token_id left, token_id right) const;
  result<void> encode_word(std::string_view word, std::optional<token_id> unknown, std::vector<symbol>& symbols,
                           std::vector<candidate>& heap, std::vector<token_id>& to) const;

  pre_tokenizer cutting_;
  std::array<token_id, 256> bytes_{};
  std::vector<merge> merges_;  ///< sorted by pair
  token_index whole_words_;    ///< by bytes; used where whole words are tokens first
};

}  // namespace troupe
