// Vocabularies that are small enough to follow by hand.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "troupe/engine/utf8.hpp"
#include "troupe/engine/vocabulary.hpp"

namespace troupe::test {

/// Byte pairs: all bytes as in GPT-2's alphabet (ids 0 to 255: printable ones, then the others), then what merges make,
/// then special tokens.
inline vocabulary byte_pair_words(const std::string& pre_tokenizer = "gpt-2") {
  vocabulary made;
  made.kind = tokenizer_kind::byte_pair;
  made.pre_tokenizer = pre_tokenizer;
  const auto add_letters = [&](char32_t from, char32_t to) {
    for (char32_t letter = from; letter <= to; ++letter) append_utf8(made.tokens.emplace_back(), letter);
  };
  add_letters('!', '~');
  add_letters(0xa1, 0xac);
  add_letters(0xae, 0xff);
  add_letters(0x100, 0x143);  // the 68 bytes that are not printable, in order
  made.merges = {"l o", "lo w", "e r", "Ġ low", "n e", "ne w", "Ġ new", "Ġlow er", "1 2", "12 3", "l l", "' s"};
  for (const std::string& merge : made.merges) {
    const std::size_t space = merge.find(' ');
    made.tokens.push_back(merge.substr(0, space) + merge.substr(space + 1));
  }
  made.types.assign(made.tokens.size(), token_type::normal);
  for (const auto& [text, type] : {std::pair{"<|begin|>", token_type::control},
                                   {"<|im_end|>", token_type::control},
                                   {"<tool>", token_type::user_defined}}) {
    made.tokens.push_back(text);
    made.types.push_back(type);
  }
  made.begin = static_cast<token_id>(made.tokens.size() - 3);
  made.end = static_cast<token_id>(made.tokens.size() - 2);
  made.add_begin = true;
  return made;
}

/// SentencePiece: <unk> <s> </s>, 256 bytes, then pieces with falling scores.
inline vocabulary sentence_words() {
  vocabulary made;
  made.kind = tokenizer_kind::sentence_piece;
  const auto add = [&](const std::string& text, token_type type, float score) {
    made.tokens.push_back(text);
    made.types.push_back(type);
    made.scores.push_back(score);
  };
  add("<unk>", token_type::unknown, 0);
  add("<s>", token_type::control, 0);
  add("</s>", token_type::control, 0);
  constexpr char digits[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte)
    add(std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">", token_type::byte, 0);
  float score = 0;
  for (const char* piece : {"▁a", "ab", "abc", "▁abc", "bc", "cd", "▁▁", "▁", "a", "b", "c", "d", "é"})
    add(piece, token_type::normal, --score);
  made.begin = 1;
  made.end = 2;
  made.unknown = 0;
  made.add_begin = made.add_space_prefix = true;
  return made;
}

/// The id of a token by its text; -1 when there is none.
inline token_id id_of(const vocabulary& words, const std::string& text) {
  for (std::size_t id = 0; id < words.tokens.size(); ++id)
    if (words.tokens[id] == text) return static_cast<token_id>(id);
  return -1;
}

}  // namespace troupe::test
