#include "troupe/engine/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/byte_pair.hpp"
#include "tokenizer/byte_token.hpp"
#include "tokenizer/clean_spaces.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/sentence_piece.hpp"
#include "tokenizer/special_tokens.hpp"
#include "tokenizer/unigram.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

constexpr std::string_view escaped_space = "\xe2\x96\x81";

/// Tokens that end a text or a turn in the vocabularies of the common families, whatever else the file says of them.
constexpr std::array<std::string_view, 20> endings = {
    "<|eot_id|>",    "<|im_end|>",    "<|end|>",       "<|return|>",   "<|call|>",
    "<end_of_turn>", "<|endoftext|>", "</s>",          "<|eom_id|>",   "<EOT>",
    "_<EOT>",        "[EOT]",         "[EOS]",         "<eos>",        "<|end_of_text|>",
    "<|fim_pad|>",   "<|fim_repo|>",  "<|repo_name|>", "<|file_sep|>", "<end_of_utterance>",
};

std::string unescaped(std::string_view text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const bool space = text.substr(at).starts_with(escaped_space);
    made.push_back(space ? ' ' : text[at]);
    at += space ? escaped_space.size() : 1;
  }
  return made;
}

result<void> check_counts(const vocabulary& words) {
  const std::size_t count = words.tokens.size();
  if (count == 0 || count > limits::vocabulary_max)
    return fail(errc::invalid_argument, "the vocabulary has {} tokens; from 1 to {} are possible", count,
                limits::vocabulary_max);
  if (!words.types.empty() && words.types.size() != count)
    return fail(errc::invalid_argument, "the vocabulary has {} tokens and {} token types", count, words.types.size());
  if (words.kind != tokenizer_kind::byte_pair && words.scores.size() != count)
    return fail(errc::invalid_argument, "the vocabulary has {} tokens and {} scores", count, words.scores.size());
  for (std::size_t id = 0; id < words.scores.size(); ++id)
    if (!std::isfinite(words.scores[id]))
      return fail(errc::invalid_argument, "the score of token {} is not a finite number", id);
  for (std::size_t id = 0; id < count; ++id)
    if (words.tokens[id].size() > limits::token_bytes_max)
      return fail(errc::invalid_argument, "token {} has {} bytes; at most {} are allowed", id, words.tokens[id].size(),
                  limits::token_bytes_max);
  return {};
}

result<void> check_ids(const vocabulary& words) {
  const auto check = [&](const std::optional<token_id>& id, std::string_view role) -> result<void> {
    if (id && (*id < 0 || static_cast<std::size_t>(*id) >= words.tokens.size()))
      return fail(errc::invalid_argument, "the {} token has the id {}, but the vocabulary has {} tokens", role, *id,
                  words.tokens.size());
    return {};
  };
  TROUPE_CHECK(check(words.begin, "first"));
  TROUPE_CHECK(check(words.end, "last"));
  TROUPE_CHECK(check(words.end_of_turn, "end-of-turn"));
  TROUPE_CHECK(check(words.unknown, "unknown"));
  if (words.add_begin && !words.begin)
    return fail(errc::invalid_argument, "prompts have to start with a token that the vocabulary does not name");
  if (words.add_end && !words.end)
    return fail(errc::invalid_argument, "prompts have to end with a token that the vocabulary does not name");
  return {};
}

/// What a token stands for.
result<std::string> piece_of(const vocabulary& words, std::size_t id) {
  const std::string& text = words.tokens[id];
  switch (words.types[id]) {
    case token_type::normal:
    case token_type::unused:
      return words.kind == tokenizer_kind::byte_pair ? bytes_of_letters(text).value_or(text) : unescaped(text);
    case token_type::byte:
      if (const auto byte = byte_of_token(text)) return std::string(1, static_cast<char>(*byte));
      return fail(errc::invalid_argument, "token {} is \"{}\", but tokens for bytes are written like \"<0x0A>\"", id,
                  replace_invalid_utf8(text.substr(0, 100)));
    case token_type::unknown:
    case token_type::control:
    case token_type::user_defined: return text;
  }
  return fail(errc::invalid_argument, "token {} has the type {}; GGUF knows 1 to 6", id,
              static_cast<int>(words.types[id]));
}

}  // namespace

struct tokenizer::state {
  vocabulary words;
  std::vector<std::string> pieces;
  std::vector<bool> ends;
  special_tokens specials;
  bool cleans_spaces = false;
  std::optional<byte_pair> pairs;
  std::optional<sentence_piece> sentence;
  std::optional<unigram> paths;

  bool special(std::size_t id) const {
    return words.types[id] == token_type::control || words.types[id] == token_type::unknown;
  }
};

result<tokenizer> tokenizer::make(vocabulary given) {
  const auto made = std::make_shared<state>();
  vocabulary& words = made->words = std::move(given);
  TROUPE_CHECK(check_counts(words));
  TROUPE_CHECK(check_ids(words));
  const std::size_t count = words.tokens.size();
  if (words.types.empty()) words.types.assign(count, token_type::normal);

  made->ends.assign(count, false);
  for (std::size_t id = 0; id < count; ++id) {
    if (std::find(endings.begin(), endings.end(), words.tokens[id]) == endings.end()) continue;
    made->ends[id] = true;
    words.types[id] = token_type::control;
  }
  for (const auto& id : {words.end, words.end_of_turn})
    if (id) made->ends[static_cast<std::size_t>(*id)] = true;

  token_index texts;
  std::vector<special_tokens::entry> specials;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<token_id>(i);
    const std::string& text = words.tokens[i];
    TROUPE_TRY(std::string piece, piece_of(words, i));
    made->pieces.push_back(std::move(piece));
    if (text.empty()) continue;
    texts.add(text, id);
    const bool parsed = made->special(i);
    if (!parsed && words.types[i] != token_type::user_defined) continue;
    const auto& keeping = words.keeps_space_after;
    specials.push_back({text, id, parsed,
                        words.strip_after_special && std::find(keeping.begin(), keeping.end(), text) == keeping.end()});
  }
  if (!texts.sort())
    return fail(errc::invalid_argument, "the tokens {} and {} are both \"{}\"", texts.repeated().first,
                texts.repeated().second,
                replace_invalid_utf8(words.tokens[static_cast<std::size_t>(texts.repeated().first)].substr(0, 100)));
  made->specials = special_tokens(std::move(specials));

  if (words.kind == tokenizer_kind::byte_pair) {
    const auto cutting = pre_tokenizer_named(words.pre_tokenizer);
    if (!cutting)
      return fail(errc::unsupported, "the pre-tokenizer \"{}\" is not known; known are {}",
                  replace_invalid_utf8(words.pre_tokenizer.substr(0, 100)), pre_tokenizer_names());
    made->cleans_spaces = cutting->cleans_spaces;
    TROUPE_TRY(made->pairs, byte_pair::make(words, texts, made->pieces, *cutting));
  } else if (words.kind == tokenizer_kind::sentence_piece) {
    TROUPE_TRY(made->sentence, sentence_piece::make(words));
  } else {
    TROUPE_TRY(made->paths, unigram::make(words));
  }
  return tokenizer(made);
}

result<std::vector<token_id>> tokenizer::encode(std::string_view text, const encode_options& options) const try {
  if (text.size() > limits::prompt_bytes_max)
    return fail(errc::invalid_argument, "the text has {} bytes; at most {} become tokens at a time", text.size(),
                limits::prompt_bytes_max);
  const vocabulary& words = state_->words;
  std::vector<token_id> made;
  if (options.add_special && words.add_begin) made.push_back(*words.begin);
  bool after_special = true;
  TROUPE_TRY(const std::vector<fragment> parts, state_->specials.split(text, options.parse_special));
  for (const fragment& part : parts) {
    if (part.token >= 0) {
      made.push_back(part.token);
    } else if (state_->pairs) {
      TROUPE_CHECK(state_->pairs->encode(part.text, words.unknown, made));
    } else if (state_->paths) {
      TROUPE_CHECK(state_->paths->encode(part.text, made));
    } else {
      std::string escaped;
      if (words.add_space_prefix && after_special) escaped = escaped_space;
      for (const char c : part.text) c == ' ' ? escaped.append(escaped_space) : escaped.append(1, c);
      state_->sentence->encode(escaped, made);
    }
    after_special = part.token >= 0;
  }
  if (options.add_special && words.add_end) made.push_back(*words.end);
  return made;
} catch (const std::bad_alloc&) {
  return fail(errc::out_of_memory, "the host has no memory for the tokens of {} bytes", text.size());
}

result<std::string> tokenizer::decode(std::span<const token_id> tokens, const decode_options& options) const {
  std::string made;
  bool strip = state_->words.add_space_prefix && !options.leading_space;
  for (const token_id token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= size())
      return fail(errc::invalid_argument, "the token {} does not exist; the vocabulary has {}", token, size());
    std::string_view text = piece(token, options.special);
    if (text.empty()) continue;
    if (strip && text.front() == ' ') text.remove_prefix(1);
    strip = false;
    made.append(text);
  }
  return options.clean_spaces ? clean_spaces(made) : made;
}

std::string_view tokenizer::piece(token_id token, bool special) const noexcept {
  if (token < 0 || static_cast<std::size_t>(token) >= size()) return {};
  const auto id = static_cast<std::size_t>(token);
  return special || !state_->special(id) ? std::string_view(state_->pieces[id]) : std::string_view();
}

std::size_t tokenizer::size() const noexcept {
  return state_->words.tokens.size();
}

bool tokenizer::is_special(token_id token) const noexcept {
  return token >= 0 && static_cast<std::size_t>(token) < size() && state_->special(static_cast<std::size_t>(token));
}

bool tokenizer::ends_generation(token_id token) const noexcept {
  return token >= 0 && static_cast<std::size_t>(token) < size() && state_->ends[static_cast<std::size_t>(token)];
}

std::vector<token_id> tokenizer::end_tokens() const {
  std::vector<token_id> made;
  for (std::size_t id = 0; id < state_->ends.size(); ++id)
    if (state_->ends[id]) made.push_back(static_cast<token_id>(id));
  return made;
}

bool tokenizer::cleans_spaces() const noexcept {
  return state_->cleans_spaces;
}
const vocabulary& tokenizer::words() const noexcept {
  return state_->words;
}

}  // namespace troupe
