// What a language model's file says about its tokens, as plain data. `tokenizer::make` checks it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// The number of a token: its row in the embedding.
using token_id = std::int32_t;

/// What a token is for. The numbers are GGUF's own.
enum class token_type : std::uint8_t {
  normal = 1,
  unknown = 2,       ///< stands for text that no other token covers
  control = 3,       ///< has a meaning and no text: where a turn ends
  user_defined = 4,  ///< is found in a text as it is written, before anything else
  unused = 5,
  byte = 6,  ///< one byte, written <0x0A>
};

/// How text becomes tokens.
enum class tokenizer_kind : std::uint8_t {
  byte_pair,       ///< GPT-2's: words of bytes, joined by ranked merges
  sentence_piece,  ///< SentencePiece's BPE: code points joined by the scores of what they make, bytes for the rest
};

struct vocabulary {
  tokenizer_kind kind = tokenizer_kind::byte_pair;
  /// Each token as the file writes it; its id is its place. Byte-pair vocabularies write bytes in GPT-2's alphabet,
  /// SentencePiece's write spaces as U+2581. An empty one takes a number and is never found.
  std::vector<std::string> tokens;
  std::vector<token_type> types;  ///< as many as tokens, or none: all normal
  std::vector<float> scores;      ///< as many as tokens; of sentence_piece only
  /// "left right", the most important first; of byte_pair only.
  std::vector<std::string> merges;
  /// How text is cut into words before byte pairs are joined, by the names in GGUF files: "gpt-2", "llama-bpe",
  /// "qwen2"...
  std::string pre_tokenizer = "default";

  std::optional<token_id> begin, end, end_of_turn, unknown;
  bool add_begin = false;         ///< a prompt starts with `begin`
  bool add_end = false;           ///< and ends with `end`
  bool add_space_prefix = false;  ///< sentence_piece: text at the start and after special tokens gets a space
  /// White space after a control or user-defined token disappears, except after those in `keeps_space_after`.
  bool strip_after_special = false;
  std::vector<std::string> keeps_space_after;
  /// The template for conversations that the file carries (Jinja), or nothing.
  std::string chat_template;
};

}  // namespace troupe
