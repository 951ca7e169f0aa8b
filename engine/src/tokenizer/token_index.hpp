// From the text of a token to its id.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/vocabulary.hpp"

namespace troupe {

/// Sorted, and searched by halves: no choice of tokens makes it slow, as it could with a hash table. The texts must
/// outlive it.
class token_index {
public:
  void add(std::string_view text, token_id id) {
    entries_.push_back({text, id});
    length_max_ = std::max(length_max_, text.size());
  }

  /// Call it once, after the last `add`. False when a text is there twice; `repeated` is then it.
  bool sort() {
    std::sort(entries_.begin(), entries_.end(),
              [](const entry& a, const entry& b) { return a.text != b.text ? a.text < b.text : a.id < b.id; });
    const auto twice = std::adjacent_find(entries_.begin(), entries_.end(),
                                          [](const entry& a, const entry& b) { return a.text == b.text; });
    if (twice == entries_.end()) return true;
    repeated_ = {twice->id, std::next(twice)->id};
    return false;
  }
  std::pair<token_id, token_id> repeated() const { return repeated_; }

  /// The id, or -1.
  token_id find(std::string_view text) const {
    if (text.size() > length_max_) return -1;
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), text,
                                     [](const entry& a, std::string_view wanted) { return a.text < wanted; });
    return at != entries_.end() && at->text == text ? at->id : -1;
  }

private:
  struct entry {
    std::string_view text;
    token_id id = -1;
  };
  std::vector<entry> entries_;
  std::size_t length_max_ = 0;
  std::pair<token_id, token_id> repeated_;
};

}  // namespace troupe
