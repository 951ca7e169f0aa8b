// Cutting text into words, within which byte pairs are joined.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A way of cutting, and what goes with it in the files that name it.
struct pre_tokenizer {
  enum class rule : unsigned char {
    gpt2,         ///< contractions, letters, numbers, other, each with a space before it; white space
    llama3,       ///< contractions in any case, letters with any one character before them, up to three digits, ...
    qwen2,        ///< as llama3, with every digit by itself
    digits_gpt2,  ///< every digit by itself, then gpt2
    punctuated,   ///< runs of punctuation, then gpt2, then numbers, then three digits at a time
    falcon,       ///< runs of punctuation, then gpt2, then three digits at a time
  };
  rule cut = rule::gpt2;
  bool whole_words = false;    ///< a word that is a token is that token, whatever the merges say
  bool cleans_spaces = false;  ///< what the reference's detokenizer does
  bool add_begin = false;      ///< prompts have a first token unless the file says otherwise
};

/// The one with this name in `tokenizer.ggml.pre`, or nothing.
std::optional<pre_tokenizer> pre_tokenizer_named(std::string_view name);

/// All names, for messages.
std::string pre_tokenizer_names();

/// The words of `text`, in order, nothing left out. Linear in the length of the text.
std::vector<std::string_view> words_of(std::string_view text, pre_tokenizer::rule cut);

}  // namespace troupe
