// Text to tokens and back, exactly as the model's own tokenizer does it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/engine/vocabulary.hpp"

namespace troupe {

class gguf_file;

struct encode_options {
  /// Adds the tokens that begin and end a prompt, where the vocabulary says so.
  bool add_special = true;
  /// Control tokens that are written in the text ("<|im_end|>") become those tokens. Without, their letters are text
  /// like any other, as it should be for what users type. User-defined tokens are found in either case.
  bool parse_special = true;
};

struct decode_options {
  /// Control and unknown tokens appear as they are written; without, they have no text.
  bool special = true;
  /// Keeps the space that encoding puts before the first word: for text that goes on after other text.
  bool leading_space = false;
  /// Takes out spaces before punctuation and some contractions, as the reference's detokenizer does for older byte-pair
  /// vocabularies (`tokenizer::cleans_spaces`). Not the inverse of encoding.
  bool clean_spaces = false;
};

/// Immutable and cheap to copy; any number of threads may use one.
class tokenizer {
public:
  /// Checks the vocabulary: counts that agree, no token twice, ids in range, merges of tokens that make tokens.
  /// `invalid_argument` says what is wrong, `unsupported` names an unknown pre-tokenizer.
  static result<tokenizer> make(vocabulary words);

  /// The tokenizer that a model file describes. `invalid_argument` names the key that is missing or wrong,
  /// `unsupported` a kind of tokenizer that is not known.
  static result<tokenizer> from_gguf(const gguf_file& file);

  /// Any bytes are accepted, at most `limits::prompt_bytes_max`. Where the vocabulary covers all bytes, decoding gives
  /// them back; elsewhere the unknown token takes their place. Time grows with n log n in the length of the text.
  result<std::vector<token_id>> encode(std::string_view text, const encode_options& options = {}) const;

  /// The text of these tokens, not always UTF-8: models make any sequence of bytes.
  result<std::string> decode(std::span<const token_id> tokens, const decode_options& options = {}) const;

  /// The bytes of one token: part of a code point, perhaps. With `special` unset nothing for control and unknown ones.
  /// An id that does not exist has none.
  std::string_view piece(token_id token, bool special = true) const noexcept;

  /// How many tokens there are; ids are below.
  std::size_t size() const noexcept;
  bool is_special(token_id token) const noexcept;  ///< control or unknown
  /// True for tokens after which there is nothing more to generate: the end of the text, of a turn, of a message.
  bool ends_generation(token_id token) const noexcept;
  /// All of them, in order: what `session_options::end_tokens` wants.
  std::vector<token_id> end_tokens() const;
  bool cleans_spaces() const noexcept;  ///< what the reference's detokenizer does with this vocabulary

  /// What the file said. Its `types` are there for every token.
  const vocabulary& words() const noexcept;

private:
  friend class text_stream;
  struct state;
  explicit tokenizer(std::shared_ptr<const state> shared) : state_(std::move(shared)) {}

  std::shared_ptr<const state> state_;
};

/// The text of tokens that come one by one. A code point that several tokens make is held back until it is whole, so
/// that every string that comes out can be printed. Bytes that can no longer become a code point come out as they are.
class text_stream {
public:
  explicit text_stream(tokenizer words, const decode_options& options = {.special = false, .leading_space = true});

  /// What can be said after this token. `clean_spaces` is not done here.
  std::string add(token_id token);

  /// What was held back: no code point. The stream can be used again, for text that goes on.
  std::string finish();

private:
  tokenizer tokenizer_;
  decode_options options_;
  bool strip_space_;
  std::string held_;
};

}  // namespace troupe
