// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer, and what llama.cpp does where that is silent.
#include <algorithm>

#include "tokenizer/pre_tokenizer.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

result<std::optional<token_id>> read_id(const gguf_file& file, std::string_view key) {
  if (!file.has(key)) return std::optional<token_id>();
  TROUPE_TRY(const std::int64_t id, file.integer(key));
  if (id < 0 || id >= static_cast<std::int64_t>(limits::vocabulary_max))
    return fail(errc::invalid_argument, "{} is {}, which is no token", key, id);
  return std::optional<token_id>(static_cast<token_id>(id));
}

result<void> read_types(const gguf_file& file, vocabulary& words) {
  constexpr std::string_view key = "tokenizer.ggml.token_type";
  if (!file.has(key)) return {};
  TROUPE_TRY(const std::vector<std::int64_t> types, file.integers(key));
  words.types.reserve(types.size());
  for (std::size_t id = 0; id < types.size(); ++id) {
    if (types[id] < 0 || types[id] > 6)
      return fail(errc::invalid_argument, "{} gives token {} the type {}; there are 0 to 6", key, id, types[id]);
    words.types.push_back(types[id] == 0 ? token_type::unused : static_cast<token_type>(types[id]));
  }
  return {};
}

result<void> read_character_map(const gguf_file& file, vocabulary& words) {
  constexpr std::string_view key = "tokenizer.ggml.precompiled_charsmap";
  const auto entry = file.find(key);
  if (!entry) return {};
  const bool bytes =
      entry->type == gguf_type::array && (entry->element_type == gguf_type::u8 || entry->element_type == gguf_type::i8);
  if (!bytes) return fail(errc::invalid_argument, "{} is {}, not a list of bytes", key, entry->describe());
  words.character_map.assign(reinterpret_cast<const char*>(entry->bytes.data()), entry->bytes.size());
  return {};
}

/// Before a list is copied: a sparse file may name a billion of nothing.
result<void> check_length(const gguf_file& file, std::string_view key) {
  const auto entry = file.find(key);
  if (entry && entry->count > limits::vocabulary_max)
    return fail(errc::invalid_argument, "{} has {} entries; at most {} are supported", key, entry->count,
                limits::vocabulary_max);
  return {};
}

result<std::vector<std::string>> read_texts(const gguf_file& file, std::string_view key) {
  TROUPE_CHECK(check_length(file, key));
  TROUPE_TRY(const std::vector<std::string_view> found, file.texts(key));
  return std::vector<std::string>(found.begin(), found.end());
}

result<vocabulary> read_vocabulary(const gguf_file& file) {
  vocabulary words;
  TROUPE_CHECK(check_length(file, "tokenizer.ggml.token_type"));
  TROUPE_CHECK(check_length(file, "tokenizer.ggml.scores"));
  TROUPE_TRY(const std::string_view model, file.text("tokenizer.ggml.model"));
  if (model == "gpt2")
    words.kind = tokenizer_kind::byte_pair;
  else if (model == "llama")
    words.kind = tokenizer_kind::sentence_piece;
  else if (model == "t5")
    words.kind = tokenizer_kind::unigram;
  else
    return fail(errc::unsupported, "the tokenizer \"{}\" is not known; known are gpt2, llama and t5",
                replace_invalid_utf8(model.substr(0, 100)));
  TROUPE_TRY(words.tokens, read_texts(file, "tokenizer.ggml.tokens"));
  TROUPE_CHECK(read_types(file, words));
  if (words.kind == tokenizer_kind::byte_pair) {
    TROUPE_TRY(words.merges, read_texts(file, "tokenizer.ggml.merges"));
    TROUPE_TRY(const std::string_view cut_by, file.text_or("tokenizer.ggml.pre", "default"));
    words.pre_tokenizer = cut_by;
    const auto cutting = pre_tokenizer_named(words.pre_tokenizer);
    words.add_begin = cutting && cutting->add_begin;
  } else if (words.kind == tokenizer_kind::unigram) {
    TROUPE_TRY(words.scores, file.numbers("tokenizer.ggml.scores"));
    TROUPE_CHECK(read_character_map(file, words));
    TROUPE_TRY(words.remove_extra_spaces, file.boolean_or("tokenizer.ggml.remove_extra_whitespaces", false));
    words.add_end = true;
    words.end = 1;
    words.unknown = 2;
  } else {
    TROUPE_TRY(words.scores, file.numbers("tokenizer.ggml.scores"));
    words.add_begin = words.add_space_prefix = true;
    words.unknown = 0;
    words.begin = 1;
    words.end = 2;
  }
  const auto id_or = [&](std::string_view key, std::optional<token_id>& id) -> result<void> {
    TROUPE_TRY(const std::optional<token_id> given, read_id(file, key));
    if (given) id = given;
    return {};
  };
  TROUPE_CHECK(id_or("tokenizer.ggml.bos_token_id", words.begin));
  TROUPE_CHECK(id_or("tokenizer.ggml.eos_token_id", words.end));
  TROUPE_CHECK(id_or("tokenizer.ggml.eot_token_id", words.end_of_turn));
  TROUPE_CHECK(id_or("tokenizer.ggml.unknown_token_id", words.unknown));
  TROUPE_TRY(words.add_begin, file.boolean_or("tokenizer.ggml.add_bos_token", words.add_begin));
  TROUPE_TRY(words.add_end, file.boolean_or("tokenizer.ggml.add_eos_token", words.add_end));
  TROUPE_TRY(words.add_space_prefix, file.boolean_or("tokenizer.ggml.add_space_prefix", words.add_space_prefix));
  TROUPE_TRY(const std::string_view chat, file.text_or("tokenizer.chat_template", ""));
  words.chat_template = chat;

  // Phi-3's tokenizer strips white space behind special tokens; its files do not say so, so the name has to.
  TROUPE_TRY(const std::string_view called, file.text_or("general.name", ""));
  std::string name(called);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos) {
    words.strip_after_special = true;
    words.keeps_space_after = {"<unk>", "<s>", "<|endoftext|>"};
  }
  return words;
}

}  // namespace

result<tokenizer> tokenizer::from_gguf(const gguf_file& file) try {
  TROUPE_TRY(vocabulary words, read_vocabulary(file));
  return make(std::move(words));
} catch (const std::bad_alloc&) {
  return fail(errc::out_of_memory, "the host has no memory for the vocabulary");
}

}  // namespace troupe
