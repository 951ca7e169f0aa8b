// The cosines and sines by which attention turns queries and keys, for every position.
#pragma once

#include <cstdint>
#include <span>

#include "import/llm/hyperparameters.hpp"

namespace troupe::llm {

/// Everything that decides the angles: position p turns pair i by p * base^(-2i / size), scaled.
struct rotary_angles {
  std::int64_t size = 0;  ///< elements of a head that are turned, even
  double base = 10000;
  rotary_scaling scaling;
  std::vector<float> factors;  ///< one for each pair, by which its frequency is divided; none: 1
};

/// u8 [positions, size / 2 * 8]: for each position the pairs (cosine, sine) as fp32, computed in double precision.
/// Scaling "yarn" as in Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models", 2023.
result<tensor> rotary_table(const rotary_angles& angles, std::int64_t positions);

}  // namespace troupe::llm
