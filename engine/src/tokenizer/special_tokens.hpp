// Tokens that are found in a text as they are written, before the rest becomes tokens.
#pragma once

#include <string_view>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/engine/vocabulary.hpp"

namespace troupe {

/// A part of a text: a token, or text between tokens.
struct fragment {
  std::string_view text;  ///< empty for a token
  token_id token = -1;
};

class special_tokens {
public:
  struct entry {
    std::string_view text;  ///< not empty; outlives this
    token_id id = -1;
    bool parsed = false;        ///< control and unknown: found only where special tokens are asked for
    bool strips_after = false;  ///< white space behind it disappears
  };

  special_tokens() = default;
  explicit special_tokens(std::vector<entry> entries);

  /// Longer tokens go first wherever they are, then those with lower ids, as in the reference. Linear in the length of
  /// the text, times the number of different tokens that do occur in it.
  result<std::vector<fragment>> split(std::string_view text, bool parse_special) const;

private:
  /// Of a trie over all entries with failure links: Aho and Corasick, "Efficient string matching", 1975.
  struct node {
    int child = -1, sibling = -1;
    int fail = 0;
    int entry = -1;         ///< that ends here
    int shorter_entry = 0;  ///< nearest node on the way of failures where an entry ends, or 0
    unsigned char byte = 0;
  };

  int child_of(int parent, unsigned char byte) const;
  std::vector<bool> occurring(std::string_view text) const;

  std::vector<entry> entries_;  ///< in the order in which they are looked for
  std::vector<node> nodes_;
};

}  // namespace troupe
