#include "tokenizer/byte_pair.hpp"

#include "tokenizer/byte_alphabet.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

std::uint64_t pair_of(token_id left, token_id right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

/// Two neighbours that can be joined. It is out of date when one of them has changed since.
struct byte_pair::candidate {
  std::uint32_t rank = 0;
  std::int32_t left = -1, right = -1;  ///< places
  token_id left_id = -1, right_id = -1, made = -1;

  /// Of a heap whose first element is the lowest rank, then the leftmost place.
  friend bool operator<(const candidate& a, const candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  }
};

result<byte_pair> byte_pair::make(const vocabulary& words, const token_index& texts,
                                  std::span<const std::string> pieces, const pre_tokenizer& cutting) {
  byte_pair made;
  made.cutting_ = cutting;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string letter;
    append_utf8(letter, letter_of_byte(static_cast<unsigned char>(byte)));
    made.bytes_[byte] = texts.find(letter);
  }
  made.merges_.reserve(words.merges.size());
  for (std::size_t i = 0; i < words.merges.size(); ++i) {
    const std::string_view line = words.merges[i];
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size())
      return fail(errc::invalid_argument, "merge {} is \"{}\", not two tokens with a space between them", i,
                  replace_invalid_utf8(line.substr(0, 100)));
    const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    const std::string joined = std::string(left).append(right);
    const token_id left_id = texts.find(left), right_id = texts.find(right), made_id = texts.find(joined);
    if (left_id < 0 || right_id < 0 || made_id < 0)
      return fail(errc::invalid_argument,
                  "merge {} is of \"{}\", which is no token; both parts and what they make must be", i,
                  replace_invalid_utf8((left_id < 0    ? left
                                        : right_id < 0 ? right
                                                       : joined)
                                           .substr(0, 100)));
    // Letters that a user types never become a control token.
    const token_type made_type = words.types[static_cast<std::size_t>(made_id)];
    if (made_type == token_type::control || made_type == token_type::unknown) continue;
    made.merges_.push_back({pair_of(left_id, right_id), static_cast<std::uint32_t>(i), made_id});
  }
  // Of a pair that is there twice, the first counts.
  std::sort(made.merges_.begin(), made.merges_.end(),
            [](const merge& a, const merge& b) { return a.pair != b.pair ? a.pair < b.pair : a.rank < b.rank; });
  made.merges_.erase(std::unique(made.merges_.begin(), made.merges_.end(),
                                 [](const merge& a, const merge& b) { return a.pair == b.pair; }),
                     made.merges_.end());
  if (cutting.whole_words) {
    for (std::size_t id = 0; id < pieces.size(); ++id) {
      const token_type type = words.types[id];
      if (!pieces[id].empty() && (type == token_type::normal || type == token_type::unused))
        made.whole_words_.add(pieces[id], static_cast<token_id>(id));
    }
    made.whole_words_.sort();
  }
  return made;
}

const byte_pair::merge* byte_pair::find(token_id left, token_id right) const {
  if (left < 0 || right < 0) return nullptr;
  const std::uint64_t pair = pair_of(left, right);
  const auto at = std::lower_bound(merges_.begin(), merges_.end(), pair,
                                   [](const merge& a, std::uint64_t wanted) { return a.pair < wanted; });
  return at != merges_.end() && at->pair == pair ? &*at : nullptr;
}

result<void> byte_pair::encode_word(std::string_view word, std::optional<token_id> unknown,
                                    std::vector<symbol>& symbols, std::vector<candidate>& heap,
                                    std::vector<token_id>& to) const {
  symbols.clear();
  heap.clear();
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto place = static_cast<std::int32_t>(i);
    symbols.push_back({place - 1, i + 1 < word.size() ? place + 1 : -1, bytes_[static_cast<unsigned char>(word[i])]});
  }
  const auto at = [&](std::int32_t place) -> symbol& { return symbols[static_cast<std::size_t>(place)]; };
  const auto consider = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0) return;
    const merge* found = find(at(left).id, at(right).id);
    if (!found) return;
    heap.push_back({found->rank, left, right, at(left).id, at(right).id, found->made});
    std::push_heap(heap.begin(), heap.end());
  };
  for (std::size_t i = 1; i < word.size(); ++i)
    consider(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
  while (!heap.empty()) {
    const candidate best = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    symbol &left = at(best.left), &right = at(best.right);
    if (left.gone || right.gone || left.id != best.left_id || right.id != best.right_id) continue;
    left.id = best.made;
    left.next = right.next;
    right.gone = true;
    if (left.next >= 0) at(left.next).previous = best.left;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].gone) continue;
    if (symbols[i].id < 0 && !unknown)
      return fail(errc::invalid_argument,
                  "the text has the byte {:#04x}, for which the vocabulary has neither a token nor an unknown one",
                  static_cast<unsigned char>(word[i]));
    to.push_back(symbols[i].id < 0 ? *unknown : symbols[i].id);
  }
  return {};
}

result<void> byte_pair::encode(std::string_view text, std::optional<token_id> unknown,
                               std::vector<token_id>& to) const {
  std::vector<symbol> symbols;
  std::vector<candidate> heap;
  for (const std::string_view word : words_of(text, cutting_.cut)) {
    const token_id whole = cutting_.whole_words ? whole_words_.find(word) : -1;
    if (whole >= 0)
      to.push_back(whole);
    else
      TROUPE_CHECK(encode_word(word, unknown, symbols, heap, to));
  }
  return {};
}

}  // namespace troupe
