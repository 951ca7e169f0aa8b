// Inputs with which a program can be prepared before the first real ones arrive.
#pragma once

#include <optional>
#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Zero tensors with the declared types and shapes of a graph's inputs.
struct example_inputs {
  std::vector<tensor> tensors;
  bool exact = true;  ///< false when an unknown extent was taken to be something
};

/// Unknown extents are taken to be `unknown`. Nothing when a type or rank is not declared, or when the inputs are as
/// large as no program could be prepared for.
std::optional<example_inputs> make_example_inputs(const graph& model, std::int64_t unknown = 1);

}  // namespace troupe
