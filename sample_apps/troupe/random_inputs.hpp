// Inputs for runs whose speed or rounding matters, not their meaning.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe::app {

/// `--batch --shape`: what to put where a model leaves extents open.
struct random_input_options {
  std::int64_t batch = 1;
  std::vector<std::string> shapes;  ///< `NAME=1,3,224,224`

  void add_to(CLI::App& command);
};

/// One tensor for each input of `network`: numbers in [0, 1) drawn from `seed` for floating-point inputs, zeros for all
/// others, since those are often indices.
result<std::vector<tensor>> make_inputs(const graph& network, const random_input_options& given, std::uint64_t seed);

}  // namespace troupe::app
