// Fault plans drawn from a seed.
#pragma once

#include <vector>

#include "troupe/chaos/fault.hpp"

namespace troupe::chaos {

/// What to draw from.
struct draw_options {
  workload work;                  ///< of every plan
  bool real = false;              ///< kinds for real processes instead of those for simulation
  bool recoverable = true;        ///< only kinds after which everything must end well
  std::vector<fault_kind> kinds;  ///< only these, as far as the two above allow them; empty: all
  std::uint32_t faults_min = 1, faults_max = 4;
  microseconds horizon = std::chrono::seconds(2);              ///< faults begin before it
  microseconds lasting_max = std::chrono::milliseconds(3000);  ///< at most so long
};

/// The plan of `seed`: the same on every machine. Each number depends on the seed, the fault's place in the plan and
/// what it is for alone, so that a kind more in the catalogue changes which kinds are drawn and nothing else.
/// `invalid_argument` when the options leave nothing to draw from or are out of bounds.
result<fault_plan> draw_plan(std::uint64_t seed, const draw_options& options);

}  // namespace troupe::chaos
