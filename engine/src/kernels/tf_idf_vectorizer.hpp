// What a TfIdfVectorizer looks for.
#pragma once

#include <map>
#include <vector>

#include "troupe/engine/operator.hpp"

namespace troupe {

struct tf_idf {
  struct entry {
    std::size_t column;
    float weight;
  };
  std::map<std::vector<std::int64_t>, entry> grams;  ///< of all lengths
  std::int64_t length_min = 1, length_max = 1;
  std::int64_t skip_max = 0;
  std::int64_t columns = 0;
  bool counts = true;   ///< the result says how often: TF and TFIDF
  bool weighs = false;  ///< and how much that is: IDF and TFIDF
};

/// Reads and checks the attributes.
result<tf_idf> read_tf_idf(const node& step);

}  // namespace troupe
