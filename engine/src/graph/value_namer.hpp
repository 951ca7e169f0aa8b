// Names for values that the file does not have.
#pragma once

#include <string>
#include <unordered_set>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Makes names that no value of one graph has. Values added meanwhile must have names from here.
class value_namer {
public:
  /// "base#1" or the first free number after it.
  std::string fresh(const graph& model, const std::string& base);

private:
  std::unordered_set<std::string> taken_;  ///< filled at the first use: most graphs need no name
  std::size_t next_ = 1;
};

}  // namespace troupe
