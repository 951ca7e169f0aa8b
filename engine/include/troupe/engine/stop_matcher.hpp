// Finding stop strings in text that comes in parts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Holds back what could be the beginning of a stop string. However the text is cut into parts, what comes out in all
/// is the same: everything before the stop string that is complete first (the longest of those that end together).
class stop_matcher {
public:
  /// Strings are UTF-8 and not empty, at most `limits::stop_strings_max` of at most `limits::stop_bytes_max` bytes.
  static result<stop_matcher> make(const std::vector<std::string>& stops);

  /// The text that is certain after this part. Nothing once `stopped`.
  std::string add(std::string_view text);

  /// A stop string was complete; it and what follows it are left out.
  bool stopped() const noexcept { return stopped_; }

  /// What was held back, at the end of the text.
  std::string finish();

private:
  /// Knuth, Morris and Pratt's automaton, 1977.
  struct pattern {
    std::string text;
    std::vector<std::size_t> fallback;  ///< after i characters: the longest proper prefix that also ends there
    std::size_t matched = 0;
  };

  std::vector<pattern> patterns_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace troupe
