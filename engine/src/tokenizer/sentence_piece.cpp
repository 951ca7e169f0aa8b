#include "tokenizer/sentence_piece.hpp"

#include "tokenizer/byte_token.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

struct symbol {
  std::int32_t previous = -1, next = -1;
  std::uint32_t begin = 0, bytes = 0;  ///< no bytes: joined to the one before it
};

/// Out of date when one of the two has been joined to something since.
struct candidate {
  float score = 0;
  std::int32_t left = -1, right = -1;
  std::uint32_t bytes = 0;

  friend bool operator<(const candidate& a, const candidate& b) {
    return a.score != b.score ? a.score < b.score : a.left > b.left;
  }
};

}  // namespace

result<sentence_piece> sentence_piece::make(const vocabulary& words) {
  sentence_piece made;
  made.words_ = &words;
  made.bytes_.fill(words.unknown.value_or(-1));
  for (std::size_t id = 0; id < words.tokens.size(); ++id) {
    const std::string& text = words.tokens[id];
    const bool joins = words.types[id] == token_type::normal || words.types[id] == token_type::user_defined ||
                       words.types[id] == token_type::unused;
    if (joins && !text.empty()) made.texts_.add(text, static_cast<token_id>(id));
  }
  made.texts_.sort();
  // A byte that is a token of its own, as in vocabularies without byte tokens, before the unknown token.
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(static_cast<unsigned char>(byte));
    if (const token_id found = made.texts_.find({&c, 1}); found >= 0) made.bytes_[byte] = found;
  }
  for (std::size_t id = 0; id < words.tokens.size(); ++id)
    if (words.types[id] == token_type::byte)
      if (const auto byte = byte_of_token(words.tokens[id])) made.bytes_[*byte] = static_cast<token_id>(id);
  for (unsigned byte = 0; byte < 256; ++byte)
    if (made.bytes_[byte] < 0)
      return fail(errc::invalid_argument, "the vocabulary has neither a token for the byte {:#04x} nor an unknown one",
                  byte);
  return made;
}

void sentence_piece::encode(std::string_view text, std::vector<token_id>& to) const {
  std::vector<symbol> symbols;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = front_of_utf8(text.substr(at)).bytes;
    const auto place = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({place - 1, at + bytes < text.size() ? place + 1 : -1, static_cast<std::uint32_t>(at),
                       static_cast<std::uint32_t>(bytes)});
    at += bytes;
  }
  std::vector<candidate> heap;
  const auto at = [&](std::int32_t place) -> symbol& { return symbols[static_cast<std::size_t>(place)]; };
  const auto consider = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0) return;
    const std::uint32_t bytes = at(left).bytes + at(right).bytes;
    const token_id made = texts_.find(text.substr(at(left).begin, bytes));
    if (made < 0) return;
    heap.push_back({words_->scores[static_cast<std::size_t>(made)], left, right, bytes});
    std::push_heap(heap.begin(), heap.end());
  };
  for (std::size_t i = 1; i < symbols.size(); ++i)
    consider(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
  while (!heap.empty()) {
    const candidate best = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    symbol &left = at(best.left), &right = at(best.right);
    if (left.bytes == 0 || right.bytes == 0 || left.bytes + right.bytes != best.bytes) continue;
    left.bytes = best.bytes;
    right.bytes = 0;
    left.next = right.next;
    if (left.next >= 0) at(left.next).previous = best.left;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
  for (const symbol& one : symbols) {
    if (one.bytes == 0) continue;
    const std::string_view written = text.substr(one.begin, one.bytes);
    if (const token_id found = texts_.find(written); found >= 0)
      to.push_back(found);
    else
      for (const char byte : written) to.push_back(bytes_[static_cast<unsigned char>(byte)]);
  }
}

}  // namespace troupe
