// Linear nodes on given operands.
#pragma once

#include "support/block_weights.hpp"
#include "support/operator_case.hpp"

namespace troupe::test {

struct format_and_weight {
  block_format format;
  tensor weight;
};

/// `bias` may be empty. The weights are constants.
inline kernel_case linear_case(tensor x, tensor bias, const std::vector<format_and_weight>& weights,
                               std::int64_t inner) {
  kernel_case made{.op = "Linear", .inputs = {std::move(x), std::move(bias)}, .domain = "troupe"};
  std::vector<std::string> formats;
  for (const auto& [format, weight] : weights) {
    formats.emplace_back(to_string(format));
    made.constants.push_back(made.inputs.size());
    made.inputs.push_back(weight);
  }
  made.attributes = {{"formats", formats}, {"columns", inner}};
  return made;
}

}  // namespace troupe::test
