#include "tokenizer/special_tokens.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {

special_tokens::special_tokens(std::vector<entry> entries) : entries_(std::move(entries)), nodes_(1) {
  std::sort(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) {
    return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.id < b.id;
  });
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    int at = 0;
    for (const char c : entries_[i].text) {
      const auto byte = static_cast<unsigned char>(c);
      int next = child_of(at, byte);
      if (next < 0) {
        next = static_cast<int>(nodes_.size());
        nodes_.push_back({.sibling = nodes_[static_cast<std::size_t>(at)].child, .byte = byte});
        nodes_[static_cast<std::size_t>(at)].child = next;
      }
      at = next;
    }
    nodes_[static_cast<std::size_t>(at)].entry = static_cast<int>(i);
  }
  // Breadth first: a node's failure link leads to a node that is less deep.
  std::vector<int> order{0};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int parent = order[i];
    for (int at = nodes_[static_cast<std::size_t>(parent)].child; at >= 0;
         at = nodes_[static_cast<std::size_t>(at)].sibling) {
      order.push_back(at);
      node& here = nodes_[static_cast<std::size_t>(at)];
      if (parent == 0) continue;
      int fail = nodes_[static_cast<std::size_t>(parent)].fail;
      int found = child_of(fail, here.byte);
      while (found < 0 && fail != 0) {
        fail = nodes_[static_cast<std::size_t>(fail)].fail;
        found = child_of(fail, here.byte);
      }
      here.fail = std::max(found, 0);
      const node& shorter = nodes_[static_cast<std::size_t>(here.fail)];
      here.shorter_entry = shorter.entry >= 0 ? here.fail : shorter.shorter_entry;
    }
  }
}

int special_tokens::child_of(int parent, unsigned char byte) const {
  int at = nodes_[static_cast<std::size_t>(parent)].child;
  while (at >= 0 && nodes_[static_cast<std::size_t>(at)].byte != byte)
    at = nodes_[static_cast<std::size_t>(at)].sibling;
  return at;
}

std::vector<bool> special_tokens::occurring(std::string_view text) const {
  std::vector<bool> seen(entries_.size(), false);
  int at = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    int next = child_of(at, byte);
    while (next < 0 && at != 0) {
      at = nodes_[static_cast<std::size_t>(at)].fail;
      next = child_of(at, byte);
    }
    at = std::max(next, 0);
    const node& here = nodes_[static_cast<std::size_t>(at)];
    int ending = here.entry >= 0 ? at : here.shorter_entry;
    // What is seen already has had its shorter ones seen too.
    while (ending != 0 && !seen[static_cast<std::size_t>(nodes_[static_cast<std::size_t>(ending)].entry)]) {
      seen[static_cast<std::size_t>(nodes_[static_cast<std::size_t>(ending)].entry)] = true;
      ending = nodes_[static_cast<std::size_t>(ending)].shorter_entry;
    }
  }
  return seen;
}

result<std::vector<fragment>> special_tokens::split(std::string_view text, bool parse_special) const {
  std::vector<fragment> parts;
  if (!text.empty()) parts.push_back({text});
  if (entries_.empty()) return parts;
  const std::vector<bool> seen = occurring(text);
  std::vector<fragment> next;
  std::size_t looks = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const entry& wanted = entries_[i];
    if (!seen[i] || (wanted.parsed && !parse_special)) continue;
    looks += text.size() + parts.size();
    if (looks > limits::special_token_looks_max)
      return fail(errc::invalid_argument, "too many different special tokens occur in a text of {} bytes; shorten it",
                  text.size());
    next.clear();
    for (const fragment& part : parts) {
      std::string_view rest = part.text;
      for (std::size_t at = rest.find(wanted.text); !rest.empty() && at != std::string_view::npos;
           at = rest.find(wanted.text)) {
        if (at > 0) next.push_back({rest.substr(0, at)});
        next.push_back({{}, wanted.id});
        rest.remove_prefix(at + wanted.text.size());
        if (wanted.strips_after) rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n\v\f\r"), rest.size()));
      }
      if (!rest.empty() || part.token >= 0) next.push_back({rest, part.token});
    }
    parts.swap(next);
  }
  return parts;
}

}  // namespace troupe
