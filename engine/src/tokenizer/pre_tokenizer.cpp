// The rules are regular expressions in the tokenizers' own files; they are cut by hand here, in linear time, since
// expressions over Unicode classes are beyond std::regex. Published as
//   gpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   llama3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
//           \s+(?!\S)|\s+
//   qwen2   the same with \p{N}
#include "tokenizer/pre_tokenizer.hpp"

#include <algorithm>
#include <array>

#include "tokenizer/character.hpp"

namespace troupe {
namespace {

using kind = character_class;

struct named_rule {
  std::string_view name;
  pre_tokenizer rule;
};

constexpr pre_tokenizer gpt2{pre_tokenizer::rule::gpt2, false, true, false};
constexpr pre_tokenizer llama3{pre_tokenizer::rule::llama3, true, true, true};
constexpr pre_tokenizer qwen2{pre_tokenizer::rule::qwen2, false, false, false};

constexpr std::array names = {
    named_rule{"gpt-2", gpt2},
    named_rule{"phi-2", gpt2},
    named_rule{"exaone4", gpt2},
    named_rule{"mpt", gpt2},
    named_rule{"olmo", gpt2},
    named_rule{"jais", gpt2},
    named_rule{"trillion", {pre_tokenizer::rule::gpt2, false, false, false}},
    named_rule{"llama-bpe", llama3},
    named_rule{"llama3", llama3},
    named_rule{"llama-v3", llama3},
    named_rule{"falcon3", llama3},
    named_rule{"pixtral", llama3},
    named_rule{"lfm2", llama3},
    named_rule{"dbrx", {pre_tokenizer::rule::llama3, false, true, false}},
    named_rule{"smaug-bpe", {pre_tokenizer::rule::llama3, false, true, false}},
    named_rule{"glm4", {pre_tokenizer::rule::llama3, false, true, false}},
    named_rule{"chatglm-bpe", {pre_tokenizer::rule::llama3, false, true, false}},
    named_rule{"qwen2", qwen2},
    named_rule{"deepseek-r1-qwen", qwen2},
    named_rule{"hunyuan", qwen2},
    named_rule{"megrez", {pre_tokenizer::rule::qwen2, false, true, false}},
    named_rule{"stablelm2", {pre_tokenizer::rule::qwen2, false, true, false}},
    named_rule{"smollm", {pre_tokenizer::rule::digits_gpt2, false, false, false}},
    named_rule{"command-r", {pre_tokenizer::rule::digits_gpt2, false, false, false}},
    named_rule{"starcoder", {pre_tokenizer::rule::digits_gpt2, false, true, false}},
    named_rule{"refact", {pre_tokenizer::rule::digits_gpt2, false, true, false}},
    named_rule{"codeshell", {pre_tokenizer::rule::digits_gpt2, false, true, false}},
    named_rule{"exaone", {pre_tokenizer::rule::digits_gpt2, false, true, false}},
    named_rule{"minerva-7b", {pre_tokenizer::rule::digits_gpt2, false, true, false}},
    named_rule{"default", {pre_tokenizer::rule::punctuated, false, true, false}},
    named_rule{"falcon", {pre_tokenizer::rule::falcon, false, true, false}},
};

/// Bytes of 's 't 'm 'd 're 've 'll at `at`, or 0.
std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  if (text[at] != '\'') return 0;
  const auto letter = [&](std::size_t i) {
    const char c = at + i < text.size() ? text[at + i] : '\0';
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(1), second = letter(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return 3;
  return 0;
}

/// Where the run of characters of this class that begins at `at` ends, after `most` of them at the latest.
std::size_t run_end(std::string_view text, std::size_t at, kind of, std::size_t most = std::string_view::npos) {
  for (std::size_t i = 0; i < most; ++i) {
    const character next = character_at(text, at);
    if (next.kind != of) break;
    at += next.bytes;
  }
  return at;
}

bool is_line_end(char c) {
  return c == '\r' || c == '\n';
}

/// Where a word of white space that begins at `at` ends: after its last line end, if `lines`; else before the last
/// space, which belongs to the word that follows; at the end of the text, all of it.
std::size_t space_end(std::string_view text, std::size_t at, bool lines) {
  std::size_t end = at, last = at, line = 0;
  for (character next = character_at(text, at); next.kind == kind::space; next = character_at(text, end)) {
    last = end;
    end += next.bytes;
    if (is_line_end(text[last])) line = end;
  }
  if (lines && line > 0) return line;
  return end < text.size() && last > at ? last : end;
}

std::size_t gpt2_end(std::string_view text, std::size_t at) {
  if (const std::size_t bytes = contraction(text, at, false)) return at + bytes;
  const std::size_t body = at + (text[at] == ' ');
  const kind of = character_at(text, body).kind;
  if (of == kind::letter || of == kind::number || of == kind::other) return run_end(text, body, of);
  return space_end(text, at, false);
}

std::size_t llama3_end(std::string_view text, std::size_t at, std::size_t digits) {
  if (const std::size_t bytes = contraction(text, at, true)) return at + bytes;
  const character first = character_at(text, at);
  if (first.kind == kind::letter) return run_end(text, at, kind::letter);
  if (first.kind == kind::number) return run_end(text, at, kind::number, digits);
  if (!is_line_end(text[at])) {
    const std::size_t end = run_end(text, at + first.bytes, kind::letter);
    if (end > at + first.bytes) return end;
  }
  const std::size_t body = at + (text[at] == ' ');
  if (character_at(text, body).kind != kind::other) return space_end(text, at, true);
  std::size_t end = run_end(text, body, kind::other);
  while (end < text.size() && is_line_end(text[end])) ++end;
  return end;
}

/// Appends pieces of `text`, each of which ends where `end_of` says.
template <class EndOf>
void cut(std::string_view text, std::vector<std::string_view>& to, EndOf end_of) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of(text, at);
    to.push_back(text.substr(at, end - at));
    at = end;
  }
}

/// For a pass that takes out what `matches` and leaves what is between: `match_end` is where what begins at a place
/// ends, or that place.
template <class MatchEnd>
auto isolating(MatchEnd match_end) {
  return [match_end](std::string_view text, std::size_t at) {
    if (const std::size_t end = match_end(text, at); end > at) return end;
    while (at < text.size() && match_end(text, at) == at) at += character_at(text, at).bytes;
    return at;
  };
}

template <class MatchEnd>
std::vector<std::string_view> isolate(const std::vector<std::string_view>& pieces, MatchEnd match_end) {
  std::vector<std::string_view> made;
  for (const std::string_view piece : pieces) cut(piece, made, isolating(match_end));
  return made;
}

/// Beside punctuation, the symbols of ASCII that `also` names.
auto punctuation_end(std::string_view also) {
  return [also](std::string_view text, std::size_t at) {
    for (character next = character_at(text, at); next.bytes > 0; next = character_at(text, at)) {
      const bool symbol = next.code < 0x80 && also.find(static_cast<char>(next.code)) != std::string_view::npos;
      if (!symbol && !is_punctuation(next.code)) break;
      at += next.bytes;
    }
    return at;
  };
}

std::size_t one_number_end(std::string_view text, std::size_t at) {
  return run_end(text, at, kind::number, 1);
}
std::size_t numbers_end(std::string_view text, std::size_t at) {
  return run_end(text, at, kind::number);
}
std::size_t three_digits_end(std::string_view text, std::size_t at) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view three = text.substr(at, 3);
  return three.size() == 3 && std::all_of(three.begin(), three.end(), is_digit) ? at + 3 : at;
}

std::vector<std::string_view> gpt2_words(const std::vector<std::string_view>& pieces) {
  std::vector<std::string_view> made;
  for (const std::string_view piece : pieces) cut(piece, made, gpt2_end);
  return made;
}

}  // namespace

std::optional<pre_tokenizer> pre_tokenizer_named(std::string_view name) {
  for (const named_rule& known : names)
    if (known.name == name) return known.rule;
  return std::nullopt;
}

std::string pre_tokenizer_names() {
  std::string all;
  for (const named_rule& known : names) all.append(all.empty() ? "" : ", ").append(known.name);
  return all;
}

std::vector<std::string_view> words_of(std::string_view text, pre_tokenizer::rule rule) {
  std::vector<std::string_view> made;
  switch (rule) {
    case pre_tokenizer::rule::gpt2: cut(text, made, gpt2_end); break;
    case pre_tokenizer::rule::llama3:
      cut(text, made, [](std::string_view in, std::size_t at) { return llama3_end(in, at, 3); });
      break;
    case pre_tokenizer::rule::qwen2:
      cut(text, made, [](std::string_view in, std::size_t at) { return llama3_end(in, at, 1); });
      break;
    case pre_tokenizer::rule::digits_gpt2: return gpt2_words(isolate({text}, one_number_end));
    case pre_tokenizer::rule::punctuated:
      made = gpt2_words(isolate({text}, punctuation_end("$+<=>^~|")));
      return isolate(isolate(made, numbers_end), three_digits_end);
    case pre_tokenizer::rule::falcon:
      return isolate(gpt2_words(isolate({text}, punctuation_end("$+<=>^~|`"))), three_digits_end);
  }
  return made;
}

}  // namespace troupe
