// Whether a network is the same as another apart from the values of its weights.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// What a network is without the values of its constants, which are not kept.
class model_structure {
public:
  explicit model_structure(const graph& network);

  /// `invalid_argument` with the first difference, by name.
  result<void> check_same(const graph& other) const;

private:
  graph bare_;                                 // every constant is an empty tensor
  std::map<value_id, std::string> constants_;  // as `tensor::describe` says
};

}  // namespace troupe
