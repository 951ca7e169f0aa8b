#include "troupe/engine/stop_matcher.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {

result<stop_matcher> stop_matcher::make(const std::vector<std::string>& stops) {
  if (stops.size() > limits::stop_strings_max)
    return fail(errc::invalid_argument, "there are {} stop strings; at most {} are possible", stops.size(),
                limits::stop_strings_max);
  stop_matcher made;
  for (const std::string& stop : stops) {
    if (stop.empty() || stop.size() > limits::stop_bytes_max || !is_utf8(stop))
      return fail(errc::invalid_argument, "a stop string has {} bytes; it has to be UTF-8 of 1 to {} bytes",
                  stop.size(), limits::stop_bytes_max);
    pattern& one = made.patterns_.emplace_back();
    one.text = stop;
    one.fallback.assign(stop.size() + 1, 0);
    for (std::size_t i = 1, matched = 0; i < stop.size(); ++i) {
      while (matched > 0 && stop[i] != stop[matched]) matched = one.fallback[matched];
      matched += stop[i] == stop[matched];
      one.fallback[i + 1] = matched;
    }
  }
  return made;
}

std::string stop_matcher::add(std::string_view text) {
  if (stopped_) return {};
  std::string said;
  for (const char c : text) {
    held_.push_back(c);
    std::size_t longest = 0, hold = 0;
    for (pattern& one : patterns_) {
      while (one.matched > 0 && c != one.text[one.matched]) one.matched = one.fallback[one.matched];
      one.matched += c == one.text[one.matched];
      if (one.matched == one.text.size()) longest = std::max(longest, one.matched);
      hold = std::max(hold, one.matched);
    }
    if (longest > 0) {
      stopped_ = true;
      said.append(held_, 0, held_.size() - longest);
      held_.clear();
      return said;
    }
    said.append(held_, 0, held_.size() - hold);
    held_.erase(0, held_.size() - hold);
  }
  return said;
}

std::string stop_matcher::finish() {
  for (pattern& one : patterns_) one.matched = 0;
  std::string rest;
  rest.swap(held_);
  return rest;
}

}  // namespace troupe
