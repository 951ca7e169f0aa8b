#include "tokenizer/unigram.hpp"

#include <algorithm>
#include <limits>

#include "tokenizer/byte_token.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

/// The best way to write the text up to a place.
struct best_path {
  double score = -std::numeric_limits<double>::infinity();
  std::size_t from = 0;  ///< where its last token begins
  token_id token = -1;   ///< -1: a code point that no token covers
};

}  // namespace

result<unigram> unigram::make(const vocabulary& words) {
  unigram made;
  made.words_ = &words;
  TROUPE_TRY(made.normalizer_, text_normalizer::make(words));
  made.bytes_.fill(-1);
  double lowest = 0;
  for (std::size_t id = 0; id < words.tokens.size(); ++id) {
    const token_type type = words.types[id];
    const std::string& text = words.tokens[id];
    if (type == token_type::normal) lowest = std::min<double>(lowest, words.scores[id]);
    if (type == token_type::byte)
      if (const auto byte = byte_of_token(text)) made.bytes_[*byte] = static_cast<token_id>(id);
    const bool found = type == token_type::normal || type == token_type::user_defined || type == token_type::unused;
    if (!found || text.empty()) continue;
    if (text.size() > token_bytes_max)
      return fail(errc::invalid_argument, "token {} has {} bytes; unigram models have at most {}", id, text.size(),
                  token_bytes_max);
    made.texts_.add(text, static_cast<token_id>(id));
  }
  made.texts_.sort();
  made.unknown_score_ = lowest - 10;
  made.has_bytes_ = std::none_of(made.bytes_.begin(), made.bytes_.end(), [](token_id id) { return id < 0; });
  if (!made.has_bytes_ && !words.unknown)
    return fail(errc::invalid_argument, "the vocabulary has neither an unknown token nor one for every byte");
  return made;
}

result<void> unigram::encode(std::string_view given, std::vector<token_id>& to) const {
  const std::string text = normalizer_.normalized(given);
  if (text.size() > limits::normalized_bytes_max)
    return fail(errc::invalid_argument, "the text has more than {} bytes once its characters are replaced; shorten it",
                limits::normalized_bytes_max);
  std::vector<best_path> best(text.size() + 1);
  best[0].score = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const std::size_t character = front_of_utf8(rest).bytes;
    bool covered = false;
    const auto consider = [&](std::size_t bytes, double score, token_id token) {
      best_path& there = best[at + bytes];
      if (best[at].score + score > there.score) there = {best[at].score + score, at, token};
    };
    texts_.each_prefix(rest, [&](std::size_t bytes, token_id token) {
      const auto id = static_cast<std::size_t>(token);
      covered = covered || bytes == character;
      consider(bytes, words_->types[id] == token_type::user_defined ? 0 : words_->scores[id], token);
    });
    if (!covered) consider(character, unknown_score_, -1);
    at += character;
  }
  const std::size_t before = to.size();
  for (std::size_t end = text.size(); end > 0; end = best[end].from) {
    const best_path& last = best[end];
    if (last.token >= 0) {
      to.push_back(last.token);
    } else if (has_bytes_) {
      for (std::size_t i = end; i > last.from; --i) to.push_back(bytes_[static_cast<unsigned char>(text[i - 1])]);
    } else if (to.size() == before || to.back() != *words_->unknown) {
      to.push_back(*words_->unknown);
    }
  }
  std::reverse(to.begin() + static_cast<std::ptrdiff_t>(before), to.end());
  return {};
}

}  // namespace troupe
